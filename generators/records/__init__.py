"""Files of records, one after the other in constant memory: what is read and written is told by the file's ending.

    .jsonl  .jsonl.gz   one JSON object a line
    .json               one array of objects
    .csv                a header and one row a record; all values are text
    .parquet            columns with the Arrow types that the format states

`read` gives every place in a file, the broken ones too: a place without a record is a value that says what stands
there. `outputs.Outputs` writes several files together, each whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...schemas.errors import SourceError, UserError
from ...schemas.formats import Record

ENDINGS = (".jsonl.gz", ".jsonl", ".json", ".csv", ".parquet")
"""Longer ones first where one is the end of another."""

Place = tuple[int, Record | str]
"""A 1-based number (line of `.jsonl` and `.csv`, row of `.json` and `.parquet`) and the record there; where there is
none, one line that says what is wrong."""


def ending(name: str) -> str | None:
    """Which of `ENDINGS` a file's name has."""
    return next((one for one in ENDINGS if name.lower().endswith(one)), None)


def read(path: Path) -> Iterator[Place]:
    """Every place of a file in order; blank lines are none.

    Raises `UserError` for another ending; `SourceError`, while it is read, where the file as a whole cannot be read.
    """
    match ending(path.name):
        case ".jsonl" | ".jsonl.gz":
            from .json_lines import read_lines as reader
        case ".json":
            from .json_array import read_array as reader
        case ".csv":
            from .csv_rows import read_rows as reader
        case ".parquet":
            from .parquet_rows import read_parquet as reader
        case _:
            raise UserError(f"{path}: no such kind of file. Known: {', '.join(sorted(ENDINGS))}.")
    if not path.exists():
        raise SourceError(f"{path}: no such file.")
    return reader(path)
