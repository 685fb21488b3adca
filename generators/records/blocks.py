"""JSON lines straight into columns: Arrow parses a block of lines at once, Python only a block with something wrong.

Arrow refuses unknown keys and values of another type; lines, UTF-8 and the number of records are checked here, since
Arrow takes objects wherever they begin and bytes as they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from ..files import opened
from . import Place
from .columns import Columns
from .json_lines import BOM, record_on, refuse_document

BLOCK = 1 << 18
"""Bytes parsed at once, and the rest of the line."""


def read_batches(path: Path, columns: Columns, size: int = BLOCK) -> Iterator[pa.RecordBatch | Place]:
    """The records of a file that fit, as batches in order; in between, each line that does not, with what is wrong.

    Raises `SourceError` where the file as a whole cannot be read.
    """
    first = 1
    with opened(path) as stream:
        while block := stream.read(size):
            block += stream.readline()
            if first == 1:
                block = block.removeprefix(BOM)
                refuse_document(path, block.lstrip().partition(b"\n")[0].rstrip())
            batch = _parsed(block, columns)
            if batch is None:
                yield from _line_by_line(block, first, columns)
            else:
                yield batch
            first += block.count(b"\n")


def _parsed(block: bytes, columns: Columns) -> pa.RecordBatch | None:
    """The block's records, where every line is one that fits."""
    if not block.endswith(b"\n"):
        block += b"\n"
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    # Every line begins and ends an object, so no object spans two lines; none holds two where the numbers are equal.
    if not (block.startswith(b"{") and (text[ends[:-1] + 1] == ord("{")).all() and (text[ends - 1] == ord("}")).all()):
        return None
    lines = len(ends)
    # Arrow's parser has no column of nulls with an empty object in it, but it has a struct without fields.
    kinds = pa.schema([(f.name, pa.struct([]) if pa.types.is_null(f.type) else f.type) for f in columns.schema])
    try:
        str(block, "utf-8")
        table = pj.read_json(
            pa.BufferReader(block),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pj.ParseOptions(explicit_schema=kinds, unexpected_field_behavior="error"),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if len(table) != lines:
        return None
    (batch,) = table.combine_chunks().to_batches()
    arrays = [pa.nulls(lines) if pa.types.is_null(field.type) else batch.column(field.name) for field in columns.schema]
    return pa.RecordBatch.from_arrays(arrays, schema=columns.schema)


def _line_by_line(block: bytes, first: int, columns: Columns) -> Iterator[pa.RecordBatch | Place]:
    good = []
    for number, line in enumerate(block.split(b"\n"), start=first):
        if not (text := line.strip()):
            continue
        record = record_on(text)
        problem = record if isinstance(record, str) else columns.misfit(record)
        if problem is not None:
            yield number, problem
        elif isinstance(record, dict):
            good.append(record)
    if good:
        yield columns.batch(good)
