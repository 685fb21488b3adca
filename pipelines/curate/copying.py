"""Kept places of files into new files, as they stand: records are copied, not encoded again.

Lines of `.jsonl`, rows of `.csv` and elements of `.json` come out byte for byte, rows of `.parquet` with their columns,
types and metadata. What stands between records (blank lines, a byte order mark, the blanks of an array) does not.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import numpy as np

from ...generators.records import ending
from ...schemas.errors import SourceError, UserError
from .pieces import Pieces, array_pieces, csv_pieces, line_pieces

Kept = np.ndarray[Any, np.dtype[np.bool_]]
"""For each place of a file whether it is kept, shape (places,)."""
_ALIKE = frozenset({".jsonl", ".jsonl.gz"})


class Copies:
    """New files, each beside its place until all are whole. Used with `with`; after an exception none is left."""

    def __init__(self, places: Mapping[str, Path]) -> None:
        self._places = places
        self.rows: dict[str, int] = {}
        """Name -> records copied."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for place in self._places.values():
                _partial(place).unlink(missing_ok=True)
                with suppress(OSError):  # the folder was there before, or holds something
                    place.parent.rmdir()

    def copy(self, name: str, path: Path, kept: Kept, delimiter: str) -> None:
        """Copy what is kept of the file at `path`. Raises `SourceError` where it has changed since it was read."""
        self.rows[name] = int(kept.sum())
        if not self.rows[name]:
            return
        place = self._places[name]
        place.parent.mkdir(parents=True, exist_ok=True)
        if ending(path.name) == ".parquet":
            _copy_parquet(path, _partial(place), kept)
            return
        with _opened(place) as out:
            for piece in _joined(path, kept, delimiter):
                out.write(piece)

    def keep(self) -> None:
        """Put the files in their places; what lies in the place of one without rows is of an earlier time, removed."""
        for name, place in self._places.items():
            if self.rows[name]:
                _partial(place).replace(place)
            else:
                place.unlink(missing_ok=True)


def new_places(
    files: Mapping[str, Path], inputs: Path, outputs: Path, notes: Sequence[str]
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Where the new files are to be made, and the files of notes beside them, by name.

    Raises `UserError` where `outputs` is what would be read, ends otherwise than `inputs`, or holds such files already.
    """
    if inputs.is_dir() or outputs.is_dir():
        if outputs.exists() and not outputs.is_dir():
            raise UserError(f"{outputs}: is a file, and {inputs} a folder. Name a folder.")
        places = {name: outputs / path.name for name, path in files.items()}
        beside = {note: outputs / note for note in notes}
        for place in (*places.values(), *beside.values()):
            if place.exists():
                raise UserError(f"{place}: lies there already. Choose another folder, or remove it.")
        return places, beside
    own, wanted = ending(inputs.name), ending(outputs.name)
    if own != wanted and not {own, wanted} <= _ALIKE:
        raise UserError(
            f"{outputs}: must end with {own}, as {inputs.name} does: records are copied. `prefmill convert` changes "
            "the encoding of files in a format."
        )
    places = dict.fromkeys(files, outputs)
    beside = {note: outputs.with_name(f"{outputs.name}.{note}") for note in notes}
    if inputs.resolve() in {place.resolve() for place in (outputs, *beside.values())}:
        raise UserError(f"{outputs}: is what would be read. Choose another place.")
    return places, beside


def _joined(path: Path, kept: Kept, delimiter: str) -> Iterator[bytes]:
    match ending(path.name):
        case ".csv":
            pieces: Pieces = csv_pieces(path, delimiter)
            header = next(pieces)
            return chain([header], _chosen(path, pieces, kept))
        case ".json":
            between = chain([b"[\n"], iter(lambda: b",\n", None))
            chosen = _chosen(path, array_pieces(path), kept)
            return chain((part for pair in zip(between, chosen, strict=False) for part in pair), [b"\n]\n"])
        case _:
            return _chosen(path, line_pieces(path), kept)


def _chosen(path: Path, pieces: Pieces, kept: Kept) -> Iterator[bytes]:
    count = 0
    for count, piece in enumerate(pieces, start=1):
        if count <= len(kept) and kept[count - 1]:
            yield piece
    _check_same(path, count, kept)


def _check_same(path: Path, places: int, kept: Kept) -> None:
    if places != len(kept):
        raise SourceError(f"{path}: has changed while it was read: {places:,} records, and before {len(kept):,}.")


def _copy_parquet(path: Path, place: Path, kept: Kept) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ...generators.records.parquet_rows import BATCH, ParquetSink

    at = 0
    with pq.ParquetFile(path) as file:
        sink = ParquetSink(place, file.schema_arrow)
        try:
            for batch in file.iter_batches(BATCH, use_threads=False):
                mask = kept[at : at + batch.num_rows]
                at += batch.num_rows
                if len(mask) == batch.num_rows and mask.any():
                    sink.write_batch(batch if mask.all() else batch.filter(pa.array(mask)))
        finally:
            sink.close()
    _check_same(path, at, kept)


@contextmanager
def _opened(place: Path) -> Iterator[IO[bytes]]:
    with _partial(place).open("wb") as raw:
        if ending(place.name) != ".jsonl.gz":
            yield raw
            return
        # Neither name nor time in the file: the same records are the same bytes.
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


def _partial(place: Path) -> Path:
    return place.with_name(place.name + ".partial")
