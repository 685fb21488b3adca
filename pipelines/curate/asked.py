"""Filters as they are named at the command line: `NAME`, `NAME:key=value,key=value`, or a YAML file with a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...curation.filters import Filter
from ...schemas.errors import RecipeError
from .. import recipe_file
from ..recipe_reading import filters_named

FILES = frozenset({".yaml", ".yml", ".json"})
_NEXT = re.compile(r",(?=\s*[A-Za-z_]\w*\s*=)")
"""A comma with another `key=` behind it; others are part of a value."""
_TELLER = "prefmill curate"


def filters_asked(named: Sequence[str]) -> tuple[Filter, ...]:
    """The filters in their order; values are YAML, as in a recipe, and paths in a file are looked up from its folder.

    Raises `RecipeError`: a mistake a line, each with the option or the file's key that it is in.
    """
    found: list[Filter] = []
    mistakes: list[str] = []
    for text in named:
        try:
            path = Path(text)
            if path.suffix in FILES:
                found += filters_named(_listed(path), str(path))
            else:
                found += filters_named([(f"--filter {text.partition(':')[0]}", _entry(text))], _TELLER)
        except RecipeError as error:
            mistakes += error.lines
    if mistakes:
        raise RecipeError(mistakes)
    return tuple(found)


def _listed(path: Path) -> Iterator[tuple[str, object]]:
    entries = recipe_file.load(path)
    if not isinstance(entries, list):
        more = " For the filters of a recipe, give --recipe." if isinstance(entries, dict) else ""
        raise RecipeError([f"{path}: a list of filters, as under `filters` in a recipe.{more}"])
    return ((f"[{index}]", entry) for index, entry in enumerate(entries))


def _entry(text: str) -> dict[str, object]:
    """A recipe's entry for `NAME:key=value,…`."""
    name, _, given = text.partition(":")
    entry: dict[str, object] = {"filter": name}
    for part in _NEXT.split(given) if given else ():
        key, equals, value = part.partition("=")
        where = f"{_TELLER}: --filter {name}.{key.strip()}"
        if not equals:
            raise RecipeError([f"{_TELLER}: --filter {name}: parameters are key=value, with commas between."])
        if key.strip() in entry:
            raise RecipeError([f"{where}: stands here twice."])
        entry[key.strip()] = recipe_file.value(where, value)
    return entry
