"""Arrow schemas of rows, derived from their pydantic fields, so that every part of a run has the same columns."""

from __future__ import annotations

import types
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

from .row import Row
from .sampling import AS_ARROW

_SCALARS: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def _type_of(annotation: Any) -> pa.DataType:  # noqa: ANN401 - an annotation has no narrower type
    """Arrow type of a field. `dict` is stored as JSON text (see `sampling.AS_ARROW`): Arrow has no free-form maps."""
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _type_of(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return pa.string()
    if origin is tuple:
        return pa.list_(_type_of(arguments[0]))
    if origin is dict:
        return pa.string()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct([(name, _type_of(field.annotation)) for name, field in annotation.model_fields.items()])
    raise TypeError(f"no Arrow type for {annotation!r}")


@cache
def schema_of(row: type[Row]) -> pa.Schema:
    """Columns of a row kind: `id` first, then its fields in the order of the class."""
    fields = [(name, _type_of(field.annotation)) for name, field in row.model_fields.items()]
    return pa.schema([("id", pa.string()), *fields])


def table_of(kind: type[Row], rows: list[Any]) -> pa.Table:
    """Rows of one kind as a table with that kind's schema."""
    return pa.Table.from_pylist([row.record(context=AS_ARROW) for row in rows], schema=schema_of(kind))


def rows_of(kind: type[Row], table: pa.Table) -> list[Any]:
    """The rows of a table written by `table_of`."""
    return [kind.parse(record) for record in table.to_pylist()]
