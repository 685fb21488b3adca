"""Rows of plain files, from the beginning as often as they are wanted, and which places of the files each one is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...generators.records import ending, read
from ...generators.records.format_files import found_files
from ...generators.records.intake import Intake
from ...generators.sources import Fields, Source
from ...generators.sources.csv import Csv
from ...generators.sources.jsonl import Jsonl
from ...generators.sources.parquet import Parquet
from ...schemas.errors import SourceError, UserError
from ...schemas.formats import Format, Record
from ...schemas.rows import Example, Loss, Task

TASK_FILES: Mapping[str, type[Jsonl | Csv | Parquet]] = {
    ".jsonl": Jsonl,
    ".jsonl.gz": Jsonl,
    ".csv": Csv,
    ".parquet": Parquet,
}


@dataclass(frozen=True, slots=True)
class Unit:
    """What is kept or dropped as one: a task, an example with all its records, or a place that is neither."""

    row: Task | Example | Loss
    file: str
    """Name of the file where its first record stands."""
    line: int
    """Line or row of that record."""


class Rows(ABC):
    """The rows of files."""

    format: Format | None = None
    """None: tasks."""
    delimiter: str = ","
    """What separates cells of `.csv`."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        """Name of a file -> where it lies."""
        self.owners = {name: array("I") for name in files}
        """Name of a file -> for each place in it the number of its unit; complete once `read` has ended."""

    @abstractmethod
    def read(self) -> Iterator[Unit]:
        """All units in order, the same ones every time. Raises `SourceError` where a file cannot be read."""


class TaskRows(Rows):
    """Tasks of a file, as a source of a recipe reads them: one that comes again is a loss, like a broken line."""

    def __init__(self, source: Jsonl | Csv | Parquet) -> None:
        super().__init__({source.path.name: source.path})
        self._source = source
        self.delimiter = source.delimiter if isinstance(source, Csv) else ","

    @classmethod
    def at(cls, path: Path, like: Source | None = None) -> TaskRows:
        """The tasks of the file at `path`; `like` is a source that says what its columns are called.

        Raises `UserError` for a file that is none of tasks.
        """
        kind = TASK_FILES.get(ending(path.name) or "")
        if kind is None:
            more = " An array of objects is for formats." if ending(path.name) == ".json" else ""
            raise UserError(f"{path}: no file of tasks. Known: {', '.join(sorted(TASK_FILES))}.{more}")
        if isinstance(like, kind):
            source = like.model_copy(update={"path": path, "limit": None})
        else:
            source = kind(path=path, fields=like.fields if like else Fields())
        source.check()
        return cls(source)

    def read(self) -> Iterator[Unit]:
        (name,) = self.files
        known = len(self.owners[name])
        for number, row in enumerate(self._source.tasks()):
            if number >= known:
                self.owners[name].append(number)
            line = int(row.row_id.rpartition(":")[2]) if isinstance(row, Loss) else row.line or 0
            yield Unit(row, name, line)


class FormatRows(Rows):
    """Examples of a format's files.

    An example begins with the record that its task names (`Task.source`, `Task.line`), and ends where the next one
    begins, in the order in which the format takes records; where a task names none, it is all that was taken for it.
    """

    def __init__(self, format: Format, place: Path) -> None:
        super().__init__(found_files(format, place))
        self.format: Format = format

    def read(self) -> Iterator[Unit]:
        taken: deque[tuple[str, int]] = deque()
        intake = Intake(self.format, self.files)
        first_time = not any(self.owners.values())
        number = -1
        waiting = 0
        try:
            for number, row in enumerate(self.format.decode(_watched(intake.records(), taken))):
                begins = _begins(row)
                before = taken.index(begins) if begins and begins in taken else waiting
                file, at = taken[min(before, len(taken) - 1)] if taken else (next(iter(self.files)), 0)
                self._own(taken, before, number - 1, first_time)
                waiting = len(taken)
                placed = intake.placed(row) if isinstance(row, Loss) else row.model_copy(update={"index": number})
                yield Unit(placed, self.files[file].name, intake.line(file, at))
        except UserError:
            raise
        except ValueError as problem:
            raise SourceError(intake.told(str(problem))) from problem
        self._own(taken, len(taken), number, first_time)
        if first_time:
            self._join_repeated()

    def _join_repeated(self) -> None:
        """Files that decoding does not look at repeat others for other readers: one of as many records as a file that
        it does read goes with that one line by line."""
        read_ones = [owners for owners in self.owners.values() if owners]
        for name, path in self.files.items():
            if not self.owners[name]:
                records = sum(1 for _ in read(path))
                self.owners[name] = next((one for one in read_ones if len(one) == records), array("I"))

    def _own(self, taken: deque[tuple[str, int]], records: int, unit: int, first_time: bool) -> None:
        """The first so many records that were taken belong to a unit; what comes before the first one is its own."""
        for _ in range(records):
            file, _at = taken.popleft()
            if first_time:
                self.owners[file].append(max(unit, 0))


def _watched(files: Mapping[str, Iterator[Record]], taken: deque[tuple[str, int]]) -> dict[str, Iterator[Record]]:
    def watched(name: str, records: Iterable[Record]) -> Iterator[Record]:
        for number, record in enumerate(records, start=1):
            taken.append((name, number))
            yield record

    return {name: watched(name, records) for name, records in files.items()}


def _begins(row: Example | Loss) -> tuple[str, int] | None:
    """File and number of the row's first record, where the row names them."""
    if isinstance(row, Example):
        return None if row.task.line is None else (row.task.source, row.task.line)
    name, _, rest = row.row_id.partition(":")
    digits = rest.split(" ")[0].split(":")[0]
    return (name, int(digits)) if digits.isdigit() else None
