"""CSV with a header (RFC 4180), UTF-8: a cell is a text itself, or the JSON of any other value; null is empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
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


def decoded(stream: IO[bytes]) -> io.TextIOWrapper:
    """A CSV file's text. Undecodable bytes are let through as surrogates, so that they spoil their own row only.

    Keep it as long as the stream: it closes the stream when it goes.
    """
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")


def cells_in(text: Iterable[str], delimiter: str = ",") -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Every row that is not blank with the 1-based line at which it begins: its cells, or why it has none."""
    csv.field_size_limit(LONGEST)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, error
            continue
        if cells:
            yield line, cells


def never_closed(error: csv.Error) -> bool:
    """Whether a quoted cell reaches to the end of the file: then nothing after it can be told apart."""
    return "unexpected end of data" in str(error)


def misfit(header: list[str], cells: list[str]) -> str | None:
    """What is wrong with a row's cells under a header; None where they fit."""
    if len(cells) != len(header):
        return f"{len(cells)} cells where the header has {len(header)}"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return "not UTF-8"
    return None


def read_rows(path: Path) -> Iterator[Place]:
    """Every row with the line at which it begins; all values are text, an empty cell is an empty one."""
    header: list[str] | None = None
    with opened(path) as stream:
        text = decoded(stream)
        for line, cells in cells_in(text):
            if isinstance(cells, csv.Error):
                if header is None or never_closed(cells):
                    problem = f"{path}:{line}: not CSV, or a quoted cell is never closed ({cells})"
                    raise SourceError(problem) from cells
                yield line, f"not CSV ({cells})"
            elif header is None:
                header = cells
                if len(set(header)) < len(header):
                    raise SourceError(f"{path}: the header names a column twice: {quoted(header)}")
            elif wrong := misfit(header, cells):
                yield line, f"{wrong}: {quoted(cells)}"
            else:
                yield line, dict(zip(header, cells, strict=True))


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
