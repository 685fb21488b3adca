"""Rubrics in a record: plain text, or a criterion with a description of each score."""

from __future__ import annotations

import re

from ...schemas.rubric import Level, Rubric
from ._values import Malformed, json_of, parts_of, present, quoted, text_of

WHOLE = re.compile(r"[+-]?\d{1,9}")


def rubric_of(value: object, name: str) -> Rubric | None:
    """The rubric in a cell: text, a struct, or JSON text of a struct with `criteria`. Raises `Malformed`."""
    if isinstance(value, str) and value.lstrip().startswith("{") and '"criteria"' in value:
        value = json_of(value, name)
    if not isinstance(value, dict):
        return None if value is None else Rubric(criteria=text_of(value, name))
    parts = parts_of(value, name, set(Rubric.model_fields))
    if not parts:
        return None
    if "criteria" not in parts:
        raise Malformed(f"{name}.criteria is missing (got {quoted(value)})")
    return Rubric(criteria=text_of(parts["criteria"], f"{name}.criteria"), levels=_levels(parts.get("levels"), name))


def _levels(value: object, name: str) -> tuple[Level, ...]:
    """Levels in ascending order of score."""
    name = f"{name}.levels"
    if value is None:
        return ()
    pairs: list[tuple[object, object]]
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list) and all(isinstance(level, dict) for level in value):
        pairs = [(level.get("score"), level.get("description")) for level in value]
    elif isinstance(value, list):
        pairs = list(enumerate(value, start=1))
    else:
        raise Malformed(f"{name} must be a list or a mapping of scores to texts (got {quoted(value)})")
    levels: dict[int, Level] = {}
    for score, description in pairs:
        if present(description) is None:
            continue
        number = _score(score, name)
        if number in levels:
            raise Malformed(f"{name}: score {number} is described twice")
        levels[number] = Level(score=number, description=text_of(description, f"{name}[{number}]"))
    return tuple(levels[number] for number in sorted(levels))


def _score(value: object, name: str) -> int:
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9 and value == int(value):
        return int(value)
    raise Malformed(f"{name}: a score must be a whole number (got {quoted(value)})")
