"""Whether records are what a file's columns say: unknown keys and values of another type are named with their path.

A key that is missing is null, as it is in Parquet. A column of type null stands for an empty object, which Parquet
does not have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...schemas.errors import known
from ...schemas.formats import Record
from . import Place, ending, read
from .json_lines import quoted

Check = Callable[[Any, str], str | None]
"""What is wrong with a value at a path; None where nothing is."""
EXACT = 2**53
"""Whole numbers up to here are floats without rounding."""


class Columns:
    """The columns of one file."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.names = frozenset(schema.names)
        self.needed = tuple(field.name for field in schema if not pa.types.is_null(field.type))
        """Columns that can hold something."""
        self._checks: dict[str, Check] = {field.name: _check(field.type) for field in schema}
        self._types = {field.name: field.type for field in schema}

    def misfit(self, record: Record) -> str | None:
        """What is wrong with a record, as `key.path: what (got …)`; None where it fits."""
        for key, value in record.items():
            if value is not None:
                check = self._checks.get(key)
                if check is None:
                    return f"{key}: no such column. {known(key, self.names)}"
                if problem := check(value, key):
                    return problem
            elif key not in self.names:
                return f"{key}: no such column. {known(key, self.names)}"
        return None

    def of_cells(self, cells: Record) -> Record | str:
        """A record from a CSV row's texts: JSON where the column is no text; or what is wrong with it."""
        record: Record = {}
        for key, cell in cells.items():
            if key not in self._types or pa.types.is_string(self._types[key]):
                record[key] = cell
            elif not cell:
                record[key] = None
            else:
                try:
                    record[key] = json.loads(cell)
                except (ValueError, RecursionError):
                    return f"{key}: expected {self._types[key]} (got {quoted(cell)})"
        return record

    def read(self, path: Path) -> Iterator[Place]:
        """The places of a file, as `records.read` gives them, with records that fit; cells of `.csv` as `of_cells`."""
        kind = ending(path.name)
        empty: Record = (
            {field.name: {} for field in self.schema if pa.types.is_null(field.type)} if kind == ".parquet" else {}
        )
        for number, found in read(path):
            record = found
            if isinstance(found, dict):
                record = self.of_cells(found) if kind == ".csv" else {**found, **empty} if empty else found
            problem = record if isinstance(record, str) else self.misfit(record)
            yield number, record if problem is None else problem

    def batch(self, records: list[Record]) -> pa.RecordBatch:
        """Records that fit, as columns."""
        arrays = [_array([record.get(field.name) for record in records], field.type) for field in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values as an array: what `pa.array` does, several times as fast for lists of objects."""
    if pa.types.is_null(kind):
        return pa.nulls(len(values))
    if pa.types.is_list(kind):
        ends = accumulate((len(value) if value else 0 for value in values), initial=0)
        # A list is null where its beginning is; the last of these numbers is an end.
        offsets = [None if value is None else end for value, end in zip([*values, []], ends, strict=True)]
        entries = [entry for value in values if value for entry in value]
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _array(entries, kind.value_type), type=kind)
    if pa.types.is_struct(kind) and kind.num_fields:
        given = [value or {} for value in values]
        parts = [_array([value.get(field.name) for value in given], field.type) for field in kind]
        return pa.StructArray.from_arrays(
            parts, fields=list(kind), mask=pa.array([value is None for value in values], pa.bool_())
        )
    return pa.array(values, kind)


def _check(kind: pa.DataType) -> Check:
    if pa.types.is_list(kind):
        return _list(_check(kind.value_type))
    if pa.types.is_struct(kind):
        return _struct({field.name: _check(field.type) for field in kind})
    return _scalar(kind)


def _scalar(kind: pa.DataType) -> Check:
    def fits(value: object) -> bool:
        if pa.types.is_null(kind):
            return value == {}
        if pa.types.is_boolean(kind):
            return isinstance(value, bool)
        if pa.types.is_integer(kind):
            return type(value) is int and -(2**63) <= value < 2**63
        return isinstance(value, float) or (type(value) is int and -EXACT <= value <= EXACT)

    def text(value: object, path: str) -> str | None:
        return None if isinstance(value, str) else f"{path}: expected text (got {quoted(value)})"

    def other(value: object, path: str) -> str | None:
        return None if fits(value) else f"{path}: expected {kind} (got {quoted(value)})"

    return text if pa.types.is_string(kind) else other


def _list(entry: Check) -> Check:
    def check(value: object, path: str) -> str | None:
        if not isinstance(value, list):
            return f"{path}: expected a list (got {quoted(value)})"
        for index, item in enumerate(value):
            if item is not None and (problem := entry(item, f"{path}.{index}")):
                return problem
        return None

    return check


def _struct(fields: dict[str, Check]) -> Check:
    def check(value: object, path: str) -> str | None:
        if not isinstance(value, dict):
            return f"{path}: expected an object (got {quoted(value)})"
        for key, item in value.items():
            if key not in fields:
                return f"{path}.{key}: no such key. {known(key, fields)}"
            if item is not None and (problem := fields[key](item, f"{path}.{key}")):
                return problem
        return None

    return check
