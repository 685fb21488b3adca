"""The examples of a run as the files of a repository: each row once for `load_dataset` and once as the format's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...generators.records.outputs import Outputs
from ...schemas.errors import CannotCarry
from ...schemas.formats import Format, Record
from ...schemas.rows import Example
from ..waterfall import StageCount, Waterfall
from .configs import Split, splits
from .seen import Seen

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the folder of one format."""

    plugin: Format
    rows: Mapping[Split, int]
    """Splits with rows -> how many; in the format's order."""
    count: StageCount


def write_data(folder: Path, formats: Sequence[Format], found: Iterable[Example]) -> tuple[tuple[Written, ...], Seen]:
    """Write the examples in every format below `data/` and `files/` of a folder.

    Raises `KeyError` or `ValueError` where a format's records do not fit its own columns, `OSError` for the disk.
    """
    seen = Seen()
    with ExitStack() as stack:
        writers = [_Writer(folder, plugin, stack) for plugin in formats]
        for example in found:
            # An example that is in no file is not in the set, and neither is its licence.
            if sum(writer.take(example) for writer in writers):
                seen.add(example)
    written = tuple(writer.finish() for writer in writers)
    Waterfall({f"publish {one.plugin.plugin_name()}": one.count for one in written}).check()
    return written, seen


class _Writer:
    """The files of one format while they are written."""

    def __init__(self, folder: Path, plugin: Format, stack: ExitStack) -> None:
        from ...generators.records.columns import Columns

        self._plugin, self._count = plugin, StageCount()
        self._splits = {split.file: split for split in splits(plugin)}
        self._columns = {name: Columns(split.columns) for name, split in self._splits.items()}
        self._native, self._data = (
            stack.enter_context(Outputs({name: folder / place for name, place in places}, self._schemas))
            for places in (
                [(name, split.native) for name, split in self._splits.items()],
                [(name, split.path) for name, split in self._splits.items()],
            )
        )

    def _schemas(self) -> Mapping[str, pa.Schema]:
        return {name: split.columns for name, split in self._splits.items()}

    def take(self, example: Example) -> bool:
        """Write one example, or count why the format cannot carry it; whether it was written."""
        if not self._plugin.is_for(example):
            return False
        self._count.entered += 1
        try:
            records = list(self._plugin.encode(example))
        except CannotCarry as loss:
            self._count.dropped[loss.reason] += 1
            return False
        self._count.kept += 1
        for name, record in records:
            self._write(name, record)
        return bool(records)

    def _write(self, name: str, record: Record) -> None:
        if problem := self._columns[name].misfit(record):
            raise ValueError(f"{name}: a record does not fit the format's columns: {problem}")
        self._native.write(name, record)
        self._data.write(name, record)

    def finish(self) -> Written:
        """Put the closed files in their places."""
        self._native.keep()
        self._data.keep()
        rows = {split: self._data.rows[name] for name, split in self._splits.items() if self._data.rows[name]}
        return Written(self._plugin, rows, self._count)


def all_splits(written: Iterable[Written]) -> Iterator[tuple[Split, int]]:
    """Every published split with its rows."""
    for one in written:
        yield from one.rows.items()
