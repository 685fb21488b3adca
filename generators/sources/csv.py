"""CSV with a header row (RFC 4180), UTF-8, plain or gzip. Cells in quotes may span lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from ...schemas.errors import SourceError
from ._columns import check_columns
from ._file import FileSource
from ._values import quoted

LONGEST = 2**31 - 1
"""Characters of a cell; Python's own limit of 131,072 is shorter than long prompts are."""


class Csv(FileSource):
    """Tasks from a CSV file. An empty cell is an absent value; a blank line is no row."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    r"""What separates cells: `,`, `;` or, in a recipe, `"\t"`."""

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        csv.field_size_limit(LONGEST)
        with self.opened() as stream:
            # Undecodable bytes are let through as surrogates, so that they spoil their own row only.
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            header: list[str] | None = None
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    if header is None or "unexpected end of data" in str(error):
                        raise SourceError(f"{self.path}:{line}: {_fault(error)}") from error
                    yield line, f"not CSV ({error})"
                    continue
                if not cells:
                    continue
                if header is None:
                    header = self._header(cells)
                else:
                    yield line, _record(header, cells)

    def _header(self, cells: list[str]) -> list[str]:
        twice = next((cell for cell in cells if cells.count(cell) > 1), None)
        if twice is not None:
            raise SourceError(f"{self.path}: the header names column {twice!r} twice")
        check_columns(self, cells)
        return cells


def _fault(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quoted cell that begins in this row is never closed"
    return f"not CSV ({error})"


def _record(header: list[str], cells: list[str]) -> dict[str, Any] | str:
    """The row, or what is wrong with it."""
    if len(cells) != len(header):
        return f"{len(cells)} cells where the header has {len(header)}: {quoted(cells)}"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return f"not UTF-8: {quoted(cells)}"
    return dict(zip(header, cells, strict=True))
