"""Files that are written together: each lies beside its place until all of them are whole."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from ...schemas.formats import Record
from . import ending

if TYPE_CHECKING:
    import pyarrow as pa

Schemas = Callable[[], Mapping[str, "pa.Schema"]]
"""Name -> columns (`Format.features`); asked for only where a file needs them."""


class Sink(Protocol):
    """One open file."""

    def write(self, record: Record) -> None: ...
    def close(self) -> None: ...


class Outputs:
    """Files by name. A file is made when its first record comes; `keep` puts all of them in their places.

    Used with `with`, which closes the files; after an exception nothing of them is left.
    """

    def __init__(self, places: Mapping[str, Path], schemas: Schemas) -> None:
        self.rows = dict.fromkeys(places, 0)
        """Name -> records written."""
        self._places, self._schemas = places, schemas
        self._sinks: dict[str, Sink] = {}
        self._folders: list[Path] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stack.close()
        except BaseException:
            self.discard()
            raise
        if kind is not None:
            self.discard()

    def write(self, name: str, record: Record) -> None:
        """Write one record."""
        self._sink(name).write(record)
        self.rows[name] += 1

    def write_batch(self, name: str, batch: pa.RecordBatch) -> None:
        """Write records that are columns already, to a `.parquet` file."""
        from .parquet_rows import ParquetSink

        sink = self._sink(name)
        assert isinstance(sink, ParquetSink)  # only such files have columns
        sink.write_batch(batch)
        self.rows[name] += batch.num_rows

    def keep(self, *only: str) -> None:
        """Put the closed files, or those named, in their places; what lies in the place of one without records is of an
        earlier time and removed."""
        for name, place in self._places.items():
            if only and name not in only:
                _partial(place).unlink(missing_ok=True)
            elif self.rows[name]:
                _partial(place).replace(place)
            else:
                place.unlink(missing_ok=True)
                _partial(place).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what was written, and the folders that were made for it."""
        for place in self._places.values():
            _partial(place).unlink(missing_ok=True)
        for folder in sorted(self._folders, key=lambda folder: -len(folder.parts)):
            with suppress(OSError):  # something else lies there by now
                folder.rmdir()

    def _sink(self, name: str) -> Sink:
        if name not in self._sinks:
            self._sinks[name] = sink = self._made(name, self._places[name])
            self._stack.callback(sink.close)
        return self._sinks[name]

    def _made(self, name: str, place: Path) -> Sink:
        partial = _partial(place)
        self._folders += [folder for folder in partial.parents if not folder.exists()]
        partial.parent.mkdir(parents=True, exist_ok=True)
        match ending(place.name):
            case ".jsonl":
                from .json_lines import LinesSink

                return LinesSink(partial.open("wb"))
            case ".jsonl.gz":
                from .json_lines import LinesSink

                # Neither name nor time in the file: the same records are the same bytes.
                raw = self._stack.enter_context(partial.open("wb"))
                return LinesSink(gzip.GzipFile("", "wb", 6, raw, mtime=0))  # type: ignore[arg-type]
            case ".json":
                from .json_array import ArraySink

                return ArraySink(partial.open("wb"))
            case ".csv":
                from .csv_rows import CsvSink

                return CsvSink(partial.open("wb"), self._schemas()[name].names)
            case ".parquet":
                from .parquet_rows import ParquetSink

                return ParquetSink(partial, self._schemas()[name])
        raise ValueError(f"{name}: no such kind of file")


def _partial(place: Path) -> Path:
    return place.with_name(place.name + ".partial")
