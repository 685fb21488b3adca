"""Apache Parquet, read batch by batch, written in row groups compressed with zstd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.errors import SourceError
from ...schemas.formats import Record
from . import Place
from .columns import Columns

BATCH = 1024
"""Rows that are records at one time."""
GROUP_BYTES, GROUP_ROWS = 32 << 20, 1 << 17
"""A row group is written once it has this size, whichever comes first: it is what a reader holds in memory."""


def read_parquet(path: Path) -> Iterator[Place]:
    """Every row, numbered from 1. Raises `SourceError` where the file is no Parquet."""
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH, use_threads=False):
                for record in _records(batch):
                    number += 1
                    yield number, record
    except pa.ArrowException as error:
        raise SourceError(f"{path}: not a readable Parquet file ({_line(error)})") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({_line(error)})") from error


def _records(batch: pa.RecordBatch) -> Iterator[Record | str]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        # `to_pylist` fails before its first row, so none is given twice.
        for row in range(batch.num_rows):
            try:
                yield batch.slice(row, 1).to_pylist()[0]
            except UnicodeDecodeError as error:
                yield f"not UTF-8 ({error.reason})"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


class ParquetSink:
    """Writes records, or whole batches of them, as columns."""

    def __init__(self, path: Path, schema: pa.Schema, group_rows: int = GROUP_ROWS) -> None:
        self._columns = Columns(schema)
        self._records: list[Record] = []
        self._batches: list[pa.RecordBatch] = []
        self._bytes = self._rows = 0
        self._group_rows = group_rows
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def write(self, record: Record) -> None:
        """Write one record that fits the columns; a key that is no column is a bug of its format."""
        if not record.keys() <= self._columns.names:
            raise KeyError(f"no columns: {sorted(record.keys() - self._columns.names)}")
        self._records.append(record)
        if len(self._records) >= BATCH:
            self._pack()

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write records that are columns already."""
        self._pack()
        self._take(batch)

    def close(self) -> None:
        """Write what is left, and end the file."""
        with self._writer:
            self._pack()
            self._flush()

    def _pack(self) -> None:
        if self._records:
            self._take(self._columns.batch(self._records))
            self._records = []

    def _take(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._bytes += batch.nbytes
        self._rows += batch.num_rows
        if self._bytes >= GROUP_BYTES or self._rows >= self._group_rows:
            self._flush()

    def _flush(self) -> None:
        if self._batches:
            self._writer.write_table(pa.Table.from_batches(self._batches))
        self._batches, self._bytes, self._rows = [], 0, 0
