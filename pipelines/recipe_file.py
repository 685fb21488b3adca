"""A recipe file as plain values: texts, numbers, true and false, nothing, lists and mappings with texts for keys.

YAML is read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), so that `no`, `12:30` and
`2024-05-01` are texts and `1e-3` is a number. PyYAML's own reader follows YAML 1.1, where they are not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..schemas.errors import RecipeError

LARGEST = 2**63 - 1
"""Whole numbers beyond 64 bits fit neither Parquet nor SQLite."""

_RESOLVERS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("merge", r"<<", "<"),
)


class _Loader(yaml.SafeLoader):
    """Safe YAML with the plain values of YAML 1.2; a key that is given twice is an error."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - without YAML 1.1's

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401 - types-PyYAML is wrong here
        """The mapping, refused where it repeats a key: PyYAML would silently take the last."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return node


class _Dumper(yaml.SafeDumper):
    """Safe YAML that both versions of YAML read the same: whatever is special in one of them stands in quotes."""


for _tag, _pattern, _first in _RESOLVERS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def value(where: str, text: str) -> object:
    """The plain value that a text is in a YAML file. Raises `RecipeError`, whose lines begin with `where`."""
    found = _yaml(Path(where), text)
    if mistakes := list(_unplain(found, where)):
        raise RecipeError(mistakes)
    return found


def load(path: Path) -> object:
    """The plain values in a file: JSON where its name ends in `.json`, else YAML. Raises `RecipeError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError([f"{path}: no such file. `prefmill new {path}` writes a recipe to start from."]) from None
    except UnicodeDecodeError as error:
        raise RecipeError([f"{path}: not UTF-8 (byte {error.start + 1}). Save it as UTF-8."]) from None
    except OSError as error:
        raise RecipeError([f"{path}: cannot be read ({error.strerror or error})."]) from error
    try:
        value = _json(path, text) if path.suffix == ".json" else _yaml(path, text)
        mistakes = [f"{path}: {line}" for line in _unplain(value, "")]
    except RecursionError:
        raise RecipeError([f"{path}: nested too deeply."]) from None
    if mistakes:
        raise RecipeError(mistakes)
    return value


def dump(value: object) -> str:
    """Plain values as YAML, which `load` reads back as they are."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _yaml(path: Path, text: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        # Not PyYAML's own text: it quotes the line, and the line may hold a key.
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        problem = str(error.problem or error.context)
        if isinstance(error, yaml.constructor.ConstructorError | yaml.composer.ComposerError):
            problem = problem.partition(" '")[0]  # without the tag's or anchor's name
        raise RecipeError([f"{where}: YAML: {problem}."]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RecipeError([f"{path}:{line}: YAML: there is the character U+{ord(text[error.position]):04X}."]) from None


def _json(path: Path, text: str) -> object:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise RecipeError([f"{path}: the key {key!r} stands here twice."])
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise RecipeError([f"{path}:{error.lineno}:{error.colno}: JSON: {error.msg}."]) from None


def _unplain(value: object, path: str) -> Iterator[str]:
    """One line for each value that JSON and the files of a run cannot hold."""
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str):
                yield f"{where}: keys are texts (got {key!r}). Put it in quotes."
            yield from _unplain(item, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unplain(item, f"{path}[{index}]")
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield f"{path}: a whole number of more than 64 bits."
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: a finite number (got {value})."
    elif not isinstance(value, str | int | float | None):
        yield f"{path}: a text, number, list or mapping (got {type(value).__name__})."
