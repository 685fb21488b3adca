"""Columns of a run's parts as they lie there: what is only counted or compared needs no rows made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def part_columns(path: Path, names: Sequence[str]) -> pa.Table | None:
    """These columns of a part; those that an older run did not write are left out. None where there is no file."""
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    with pq.ParquetFile(path) as file:
        known = set(file.schema_arrow.names)
        return file.read(columns=[name for name in names if name in known])
