"""Records that are being decoded, with their place, so that every complaint names file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..rows import Example, Loss
from . import Record

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file, or an object inside one. Every reader raises `ValueError` where the value is not that."""

    file: str
    number: int
    """1-based."""
    record: Record
    path: str = ""
    """Keys that lead to an object inside the record, each followed by a dot."""

    def wrong(self, key: str, what: str) -> ValueError:
        """`FILE:LINE: key.path: what is wrong`, to be raised."""
        return ValueError(f"{self.file}:{self.number}: {self.path}{key}: {what}")

    def choice(self, key: str, known: Mapping[str, T]) -> T:
        """What a text stands for, of a fixed set."""
        value = self.text(key)
        if value not in known:
            raise self.wrong(key, f"no such value (got {value!r}). Known: {', '.join(sorted(known))}.")
        return known[value]

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.record.get(key) is not None

    def text(self, key: str) -> str:
        """A string."""
        value = self.record.get(key)
        if not isinstance(value, str):
            raise self._unexpected(key, "text")
        return value

    def whole(self, key: str) -> int:
        """An integer."""
        value = self.record.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._unexpected(key, "a whole number")
        return value

    def number_at(self, key: str) -> float:
        """A number, as float."""
        value = self.record.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._unexpected(key, "a number")
        return float(value)

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of numbers, as floats."""
        value = self.record.get(key)
        if not isinstance(value, list):
            raise self._unexpected(key, "a list of numbers")
        entries = Line(self.file, self.number, {str(k): entry for k, entry in enumerate(value)}, f"{self.path}{key}.")
        return tuple(entries.number_at(entry) for entry in entries.record)

    def inside(self, key: str) -> Line:
        """An object."""
        value = self.record.get(key)
        if not isinstance(value, dict):
            raise self._unexpected(key, "an object")
        return Line(self.file, self.number, value, f"{self.path}{key}.")

    def each(self, key: str) -> tuple[Line, ...]:
        """A list of objects."""
        value = self.record.get(key)
        if not isinstance(value, list):
            raise self._unexpected(key, "a list of objects")
        entries = Line(self.file, self.number, {str(k): entry for k, entry in enumerate(value)}, f"{self.path}{key}.")
        return tuple(entries.inside(entry) for entry in entries.record)

    def _unexpected(self, key: str, expected: str) -> ValueError:
        if key not in self.record:
            return self.wrong(key, f"expected {expected}, but there is no such key")
        value = repr(self.record[key])
        return self.wrong(key, f"expected {expected} (got {value if len(value) <= 60 else value[:59] + '…'})")


def rows(lines: Iterable[Line], build: Callable[[Line, int], Example], name: str = "") -> Iterator[Example | Loss]:
    """`build(line, index)` for each line; a line that it refuses (`ValueError`) comes as a loss in its place.

    `index` is the line's 0-based place among all of them. `name` is a key under which records have a name of their
    own, such as `idx`: the loss says it too.
    """
    for index, line in enumerate(lines):
        try:
            yield build(line, index)
        except ValueError as problem:
            yield lost(line, str(problem), name)


def lost(line: Line, problem: str, name: str = "") -> Loss:
    """A record that is no example, as a loss of stage `decode`; the detail is one line."""
    own = f" ({name} {line.record[name]})" if name in line.record else ""
    place = f"{line.file}:{line.number}"
    detail = " ".join(problem.removeprefix(f"{place}: ").split())
    return Loss(stage="decode", status="failed", row_id=f"{place}{own}", reason="malformed", detail=detail)


def lines_of(files: Mapping[str, Iterable[Record]], name: str) -> Iterator[Line]:
    """The records of one file in order; none where the file is absent."""
    for number, record in enumerate(files.get(name, ()), start=1):
        yield Line(name, number, record)
