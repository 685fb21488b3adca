"""Records out of the files that evaluation sets are published as: JSON Lines, JSON, CSV, Parquet, lines of text.

A benchmark with a hole would let its items through, so nothing is skipped: a file that cannot be read to its end stops
the run.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.errors import SourceError

Layout = Literal["jsonl", "json", "csv", "tsv", "parquet", "txt"]
"""How a file holds its records; `txt`: one a line. Any of them may be packed with gzip."""
SUFFIXES: dict[str, Layout] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
    ".txt": "txt",
}  # fmt: skip
Record = dict[str, Any]
_GZIP = b"\x1f\x8b"


def layout_of(path: Path) -> Layout:
    """The layout by the file's name. Raises `SourceError` for a name that does not tell."""
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() not in SUFFIXES:
        raise SourceError(f"{path}: its name does not tell what it holds. Next: add format: one of {_names()}")
    return SUFFIXES[suffix.lower()]


def records(path: Path, layout: Layout | None = None, columns: Sequence[str] = ()) -> Iterator[tuple[int, Record]]:
    """Every record, with the line (or row, from 1 on) at which it stands; a line of text is `{"text": …}`.

    `columns`: what the cells of a CSV file without a header are called; one that names the first of them has a header.
    Raises `SourceError` where the file is missing or damaged, with the line.
    """
    layout = layout or layout_of(path)
    content = _content(path)
    try:
        if layout == "parquet":
            yield from enumerate(pq.read_table(pa.BufferReader(content)).to_pylist(), 1)
        elif layout == "json":
            yield from enumerate(_array(path, orjson.loads(content)), 1)
        elif layout == "jsonl":
            for line, text in enumerate(content.split(b"\n"), 1):
                if text.strip():
                    yield line, _object(f"{path}:{line}", orjson.loads(text))
        elif layout == "txt":
            for line, written in enumerate(content.decode("utf-8-sig").split("\n"), 1):
                if written.strip():
                    yield line, {"text": written}
        else:
            yield from _cells(path, content.decode("utf-8-sig"), "," if layout == "csv" else "\t", columns)
    except orjson.JSONDecodeError as error:
        where = f"{path}:{line}" if layout == "jsonl" else str(path)
        hint = " Next: format: jsonl, if there is one object a line" if layout == "json" else ""
        raise SourceError(f"{where}: not JSON ({error}).{hint}") from error
    except pa.ArrowException as error:
        raise SourceError(f"{path}: not a readable Parquet file ({' '.join(str(error).split())})") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from error


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise SourceError(f"{path}: is a folder, not a file. Next: folder: instead of file:, with a set")
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file. A relative path is looked up from the recipe's folder") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: damaged gzip file ({error})") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error


def _array(path: Path, value: object) -> Iterator[Record]:
    """The objects of an array, or a single object, as each of MATH's files holds one."""
    for number, each in enumerate(value if isinstance(value, list) else [value], 1):
        yield _object(f"{path}: record {number}", each)


def _object(where: str, value: object) -> Record:
    if not isinstance(value, dict):
        raise SourceError(f"{where}: expected an object (got {type(value).__name__})")
    return value


def _cells(path: Path, text: str, delimiter: str, columns: Sequence[str]) -> Iterator[tuple[int, Record]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: Sequence[str] | None = None
    line = 1
    try:
        for cells in reader:
            if header is None and (not columns or columns[0] in cells):
                header = cells
            elif cells:
                header = header or columns
                if len(cells) != len(header):
                    raise SourceError(f"{path}:{line}: {len(cells)} cells where {len(header)} are expected")
                yield line, dict(zip(header, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise SourceError(f"{path}:{line}: not CSV ({error})") from error


def _names() -> str:
    return ", ".join(get_args(Layout))
