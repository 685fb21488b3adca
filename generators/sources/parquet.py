"""Apache Parquet, read batch by batch; only the columns that `fields` names are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.errors import SourceError
from ._columns import check_columns, wanted
from ._file import FileSource

BATCH = 1024
"""Rows held in memory at one time."""


class Parquet(FileSource):
    """Tasks from one Parquet file; a row's line is its 1-based number. Chats may be lists of structs or JSON text."""

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        self.check()
        number = 0
        try:
            with pq.ParquetFile(self.path) as file:
                names = file.schema_arrow.names
                check_columns(self, names)
                for batch in file.iter_batches(BATCH, columns=wanted(self, names)):
                    for record in _records(batch):
                        number += 1
                        yield number, record
        except pa.ArrowException as error:
            raise SourceError(f"{self.path}: not a readable Parquet file ({_line(error)})") from error
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({_line(error)})") from error


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        # `to_pylist` fails before its first row, so none is given twice.
        for row in range(batch.num_rows):
            yield _record(batch.slice(row, 1))


def _record(row: pa.RecordBatch) -> dict[str, Any] | str:
    try:
        record: dict[str, Any] = row.to_pylist()[0]
    except UnicodeDecodeError as error:
        return f"not UTF-8 ({error.reason})"
    return record


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
