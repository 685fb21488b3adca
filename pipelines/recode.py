"""The same format in another encoding: records are checked against the format's columns and written as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from ..generators.records import Place, ending
from ..generators.records.blocks import read_batches
from ..generators.records.columns import Columns
from ..generators.records.intake import malformed
from ..generators.records.outputs import Outputs
from ..schemas.errors import SourceError
from ..schemas.rows import Loss
from .conversion import Conversion


def recode(
    paths: Mapping[str, Path],
    columns: Mapping[str, Columns],
    places: Mapping[str, Path],
    out: Outputs,
    done: Conversion,
) -> Iterator[Loss]:
    """Writes every record that fits its file's columns; yields the places that hold none.

    Raises `SourceError` where such a place cannot be left out, since another file may go with this one line by line.
    """
    broken: dict[str, Loss] = {}
    for name, path in paths.items():
        read = 0
        for found in _found(path, columns[name], places[name]):
            if isinstance(found, pa.RecordBatch):
                read += found.num_rows
                done.count.entered += found.num_rows
                done.count.kept += found.num_rows
                out.write_batch(name, found)
                _count_nulls(found, done)
                continue
            read += 1
            done.count.entered += 1
            number, record = found
            if isinstance(record, str):
                loss = malformed(f"{path.name}:{number}", record)
                done.count.lose(loss)
                broken.setdefault(str(path), loss)
                yield loss
                continue
            done.count.kept += 1
            out.write(name, record)
            done.absent.update(column for column in columns[name].needed if record.get(column) is None)
        done.read[str(path)] = read
    for file, loss in broken.items():
        twin = next((one for one, rows in done.read.items() if one != file and rows == done.read[file]), None)
        if twin is not None:
            raise SourceError(
                f"{loss.row_id}: {loss.detail}. It cannot be left out: {Path(twin).name} has as many rows and may go "
                "with this file line by line. Put the row right, or convert the file by itself."
            )


def _found(path: Path, columns: Columns, place: Path) -> Iterator[pa.RecordBatch | Place]:
    if ending(path.name) in {".jsonl", ".jsonl.gz"} and ending(place.name) == ".parquet":
        return read_batches(path, columns)
    return columns.read(path)


def _count_nulls(batch: pa.RecordBatch, done: Conversion) -> None:
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.null_count and not pa.types.is_null(field.type):
            done.absent[field.name] += column.null_count
