"""`croissant.json`: the published set in the vocabulary of MLCommons' Croissant 1.0.

Source: the specification https://docs.mlcommons.org/croissant/docs/croissant-spec.html, whose context is repeated here
as it asks for. One record set for each configuration and split; addresses are relative to the file, as everything
lies beside it. What lies in objects is told by its path in them (`jsonPath`), save for lists of objects inside objects,
which the vocabulary cannot describe: those are in the Parquet schema alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .configs import Split
from .told import Told

if TYPE_CHECKING:
    import pyarrow as pa

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "recordSet": "cr:recordSet",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
PARQUET = "application/x-parquet"
BLOCK = 1 << 20


def croissant(told: Told, folder: Path) -> dict[str, Any]:
    """The metadata of a folder that holds the set's data."""
    name, ended = told.manifest["name"], told.ended
    simulated = "Simulated data: not from models. " if told.simulated else ""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": _name(name),
        "description": f"{simulated}{told.seen.examples:,} judged examples for training LLM judges, made by prefmill "
        f"{told.manifest['prefmill']}.",
        "license": list(told.licence.addresses) or list(told.licence.names),
        "url": told.address,
        "version": "1.0.0",
        "citeAs": f"{name}, made by prefmill {told.manifest['prefmill']}",
        **({"datePublished": ended} if ended else {}),
        "keywords": ["llm-as-a-judge", "preference", "synthetic", *(["simulated"] if told.simulated else [])],
        "isLiveDataset": False,
        "distribution": [_file(split, folder) for split, _ in told.splits],
        "recordSet": [_records(split) for split, _ in told.splits],
    }


def _name(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in text)


def _file(split: Split, folder: Path) -> dict[str, Any]:
    path = folder / split.path
    return {
        "@type": "cr:FileObject",
        "@id": split.path,
        "name": split.path,
        "contentUrl": split.path,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": PARQUET,
        "sha256": sha256(path),
    }


def sha256(path: Path) -> str:
    """A file's SHA-256 in hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def _records(split: Split) -> dict[str, Any]:
    name = f"{split.config}/{split.split}"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"Configuration {split.config}, split {split.split}; as {split.file} in format {split.format}.",
        "field": [_field(f"{name}/{column.name}", column, split) for column in split.columns],
    }


def _field(path: str, column: pa.Field, split: Split) -> dict[str, Any]:
    """A column."""
    kind, repeated = _entry(column.type)
    field: dict[str, Any] = {"@type": "cr:Field", "@id": path, "name": path, **({"repeated": True} if repeated else {})}
    if leaves := list(_leaves(kind, ())):
        return {**field, "subField": [_leaf(path, keys, leaf, column.name, split) for keys, leaf in leaves]}
    return {**field, "dataType": _type(kind), "source": _source(column.name, split)}


def _leaves(kind: pa.DataType, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], pa.DataType]]:
    """What lies in an object: keys that lead there, and its type."""
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return
    for inner in kind:
        entry, repeated = _entry(inner.type)
        if not pa.types.is_struct(entry):
            yield (*keys, inner.name), inner.type
        elif not repeated:
            yield from _leaves(entry, (*keys, inner.name))


def _leaf(path: str, keys: tuple[str, ...], kind: pa.DataType, column: str, split: Split) -> dict[str, Any]:
    entry, repeated = _entry(kind)
    name, steps = "/".join((path, *keys)), ".".join(f'"{key}"' for key in keys)
    source = {**_source(column, split), "transform": {"jsonPath": steps}}
    leaf = {"@type": "cr:Field", "@id": name, "name": name, "dataType": _type(entry), "source": source}
    return {**leaf, "repeated": True} if repeated else leaf


def _source(column: str, split: Split) -> dict[str, Any]:
    return {"fileObject": {"@id": split.path}, "extract": {"column": column}}


def _entry(kind: pa.DataType) -> tuple[pa.DataType, bool]:
    """The type of a value, or of a list's values, and whether it is a list."""
    import pyarrow as pa

    return (kind.value_type, True) if pa.types.is_list(kind) else (kind, False)


def _type(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
