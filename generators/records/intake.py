"""Records on their way into `Format.decode`, and what becomes known about them there and before.

A place without a record goes in as an empty one: what aligns by line stays aligned, and the format's own complaint
about it is replaced by what is wrong with the place. Formats count records; people count lines of their own files.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...schemas.formats import Format, Record
from ...schemas.rows import Loss
from . import ending, read
from .columns import Columns

_AT = re.compile(r"(?P<name>.+?):(?P<number>\d+)(?P<rest>.*)", re.DOTALL)


def malformed(place: str, problem: str) -> Loss:
    """A place in a file without a record of its format."""
    return Loss(stage="decode", status="failed", row_id=place, reason="malformed", detail=problem)


@dataclass
class Intake:
    """The files of one format while they are read, each once and in order."""

    format: Format
    paths: Mapping[str, Path]
    """The format's names -> files."""
    other_columns: Counter[str] = field(default_factory=Counter)
    """Column that is none of the format's -> records that have it."""

    def __post_init__(self) -> None:
        features = self.format.features()
        self._files = {name: _File(path, Columns(features[name]), self) for name, path in self.paths.items()}

    def records(self) -> dict[str, Iterator[Record]]:
        """What `decode` takes."""
        return {name: file.records() for name, file in self._files.items()}

    def read(self) -> dict[str, int]:
        """File -> places read so far."""
        return {str(file.path): file.count for file in self._files.values()}

    def placed(self, loss: Loss) -> Loss:
        """A loss of `decode`, named by the person's own file and line."""
        at = self._at(loss.row_id)
        if at is None:
            return loss
        place, rest, problem = at
        return loss.model_copy(update={"row_id": place + rest, "detail": problem or loss.detail})

    def told(self, message: str) -> str:
        """A complaint of `decode` about the files as a whole, in the same way."""
        at = self._at(message)
        if at is None:
            return message
        place, rest, problem = at
        return f"{place}: {problem}" if problem else place + rest

    def overlooked(self) -> Iterator[Loss]:
        """Places without a record of which `decode` has said nothing."""
        for file in self._files.values():
            for number, problem in file.broken.items():
                yield malformed(file.place(number), problem)

    def line(self, name: str, number: int) -> int:
        """The line, in the person's own file, of a record that was read: `name` is the format's, `number` 1-based."""
        return self._files[name].line(number)

    def _at(self, text: str) -> tuple[str, str, str | None] | None:
        found = _AT.fullmatch(text)
        file = self._files.get(found["name"]) if found else None
        if found is None or file is None:
            return None
        number = int(found["number"])
        return file.place(number), found["rest"], file.broken.pop(number, None)


class _File:
    """One file: how many records went by, and where those stand that are none."""

    def __init__(self, path: Path, columns: Columns, intake: Intake) -> None:
        self.path, self.count = path, 0
        self.broken: dict[int, str] = {}
        """Number of the record -> what is wrong, until `decode` has complained about it."""
        self._columns, self._intake = columns, intake
        # From each of these records on, lines are so many ahead of records: arrays, for cells that span lines.
        self._from, self._ahead = array("Q", [0]), array("Q", [0])

    def records(self) -> Iterator[Record]:
        cells = ending(self.path.name) == ".csv"
        for number, found in read(self.path):
            self.count += 1
            if number - self.count != self._ahead[-1]:
                self._from.append(self.count)
                self._ahead.append(number - self.count)
            record = self._columns.of_cells(found) if cells and isinstance(found, dict) else found
            if isinstance(record, str):
                self.broken[self.count] = record
                yield {}
                continue
            if not record.keys() <= self._columns.names:
                self._intake.other_columns.update(record.keys() - self._columns.names)
            yield record

    def place(self, number: int) -> str:
        """File and line of a record."""
        return f"{self.path.name}:{self.line(number)}"

    def line(self, number: int) -> int:
        """Line of a record."""
        return number + self._ahead[bisect_right(self._from, number) - 1]
