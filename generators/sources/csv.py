"""CSV with a header row (RFC 4180), UTF-8, plain or gzip. Cells in quotes may span lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from ...schemas.errors import SourceError
from ..records.csv_rows import cells_in, decoded, misfit, never_closed
from ._columns import check_columns
from ._file import FileSource
from ._values import quoted


class Csv(FileSource):
    """Tasks from a CSV file. An empty cell is an absent value; a blank line is no row."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    r"""What separates cells: `,`, `;` or, in a recipe, `"\t"`."""

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        header: list[str] | None = None
        with self.opened() as stream:
            text = decoded(stream)
            for line, cells in cells_in(text, self.delimiter):
                if isinstance(cells, csv.Error):
                    if header is None or never_closed(cells):
                        raise SourceError(f"{self.path}:{line}: {_fault(cells)}") from cells
                    yield line, f"not CSV ({cells})"
                elif header is None:
                    header = self._header(cells)
                elif problem := misfit(header, cells):
                    yield line, f"{problem}: {quoted(cells)}"
                else:
                    yield line, dict(zip(header, cells, strict=True))

    def _header(self, cells: list[str]) -> list[str]:
        twice = next((cell for cell in cells if cells.count(cell) > 1), None)
        if twice is not None:
            raise SourceError(f"{self.path}: the header names column {twice!r} twice")
        check_columns(self, cells)
        return cells


def _fault(error: csv.Error) -> str:
    if never_closed(error):
        return "a quoted cell that begins in this row is never closed"
    return f"not CSV ({error})"
