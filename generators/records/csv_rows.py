"""CSV with a header (RFC 4180), UTF-8: a cell is a text itself, or the JSON of any other value; null is empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import orjson

from ...schemas.errors import SourceError
from ...schemas.formats import Record
from ..files import opened
from . import Place
from .json_lines import quoted

LONGEST = 2**31 - 1
"""Characters of a cell; Python's own limit of 131,072 is shorter than long chats are."""


def read_rows(path: Path) -> Iterator[Place]:
    """Every row with the line at which it begins; all values are text, an empty cell is an empty one."""
    csv.field_size_limit(LONGEST)
    with opened(path) as stream:
        # Undecodable bytes are let through as surrogates, so that they spoil their own row only.
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if header is None or "unexpected end of data" in str(error):
                    raise SourceError(f"{path}:{line}: not CSV, or a quoted cell is never closed ({error})") from error
                yield line, f"not CSV ({error})"
                continue
            if not cells:
                continue
            if header is None:
                header = cells
                if len(set(header)) < len(header):
                    raise SourceError(f"{path}: the header names a column twice: {quoted(header)}")
            else:
                yield line, _record(header, cells)


def _record(header: list[str], cells: list[str]) -> Record | str:
    if len(cells) != len(header):
        return f"{len(cells)} cells where the header has {len(header)}: {quoted(cells)}"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return f"not UTF-8: {quoted(cells)}"
    return dict(zip(header, cells, strict=True))


class CsvSink:
    """Writes the header and a row for each record."""

    def __init__(self, stream: IO[bytes], names: Sequence[str]) -> None:
        self._stream = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        self._names = names
        # RFC 4180's line ends; with others Python does not quote a cell for a carriage return in it.
        self._rows = csv.writer(self._stream, lineterminator="\r\n")
        self._rows.writerow(names)

    def write(self, record: Record) -> None:
        """Write one record."""
        self._rows.writerow([_cell(record.get(name)) for name in self._names])

    def close(self) -> None:
        """End the file."""
        self._stream.close()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
