"""Where rows stand in their files, by number and by the ids that filters name in their reasons."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping

import numpy as np

from ...curation.filters import ExampleSetFilter
from ...schemas.rows import Example, Loss
from .rows import Unit

_ID = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{16}(?![0-9a-zA-Z])")
"""An id as rows have it."""


class Places:
    """The places of all units: 25 bytes a unit."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._file, self._line = array("B"), array("Q")
        self._task, self._key = array("Q"), array("Q")

    def add(self, unit: Unit) -> None:
        """Remember the next unit."""
        if unit.file not in self._files:
            self._files.append(unit.file)
        self._file.append(self._files.index(unit.file))
        self._line.append(unit.line)
        row = unit.row
        task = "0" if isinstance(row, Loss) else row.task.id if isinstance(row, Example) else row.id
        self._task.append(int(task, 16))
        self._key.append(int(ExampleSetFilter.key(row) if isinstance(row, Example) else task, 16))

    def of(self, number: int) -> str:
        """`FILE:LINE` of a unit."""
        return f"{self._files[self._file[number]]}:{self._line[number]}"

    def task(self, number: int) -> str:
        """Id of a unit's task."""
        return f"{self._task[number]:016x}"

    def key(self, number: int) -> str:
        """Id of a unit, as `ExampleSetFilter.key` gives it."""
        return f"{self._key[number]:016x}"

    def named_in(self, details: Iterable[str]) -> dict[str, str]:
        """Id -> `FILE:LINE` of the first row that has it, for the ids that stand in these reasons."""
        ids = {found[0] for detail in details for found in _ID.finditer(detail)}
        wanted = np.array([int(one, 16) for one in ids], dtype=np.uint64)
        named: dict[str, str] = {}
        for column in (self._key, self._task):
            values = np.frombuffer(column, np.uint64)
            for number in np.flatnonzero(np.isin(values, wanted))[::-1].tolist():
                named[f"{values[number]:016x}"] = self.of(number)
        return named


def placed(detail: str, named: Mapping[str, str]) -> str:
    """A filter's reason with places where it names rows by their ids, which are not written in plain files."""
    return _ID.sub(lambda found: named.get(found[0], found[0]), detail)
