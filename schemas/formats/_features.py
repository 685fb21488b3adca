"""Arrow types of columns, for `Format.features`. Imported when features are asked for: pyarrow takes a while."""

from __future__ import annotations

import pyarrow as pa

TEXT, WHOLE, NUMBER, YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))
"""A chat."""


def schema(**columns: pa.DataType) -> pa.Schema:
    """Columns in the order given; for names that are no Python names use `pa.schema`."""
    return pa.schema(list(columns.items()))


def texts(*names: str) -> pa.Schema:
    """Columns that all hold text."""
    return pa.schema([(name, TEXT) for name in names])
