"""pydantic's errors as lines for a person: `key.path: what (got …). Known: …. Did you mean …?`"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..schemas.errors import known


def lines_of(error: ValidationError, model: type[BaseModel], where: str) -> Iterator[str]:
    """One line a mistake; `where` is the key path of the entry that `model` was read from."""
    seen = set()
    for mistake in error.errors(include_url=False):
        location = tuple(part for part in mistake["loc"] if not _is_tag(part))
        line = _line(mistake["type"], mistake["msg"], location, (model, where, mistake.get("input")))
        if line not in seen:
            seen.add(line)
            yield line


def _line(
    kind: str, message: str, location: tuple[int | str, ...], context: tuple[type[BaseModel], str, object]
) -> str:
    model, where, got = context
    path = key_path(where, location)
    if kind == "extra_forbidden":
        return f"{path}: no such key (got {_short(got)}). {known(str(location[-1]), _keys(model, location[:-1]))}"
    if kind == "missing":
        return f"{path}: missing. {known('', _keys(model, location[:-1]))}"
    if kind == "literal_error":
        return f"{path}: one of {message.removeprefix('Input should be ')} (got {_short(got)})."
    said = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{path}: {said} (got {_short(got)})."


def key_path(where: str, location: tuple[int | str, ...]) -> str:
    """`answers[0]` and `('sampling', 'stop', 1)` -> `answers[0].sampling.stop[1]`."""
    path = where
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _is_tag(part: int | str) -> bool:
    """Whether a part of a location is the name of a union's branch rather than a key."""
    return isinstance(part, str) and (not part.isidentifier() or part[:1].isupper())


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys known at a place inside a model."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            inner = _model_in(model.model_fields[part].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation has no narrower type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple, list):
        return next((found for argument in get_args(annotation) if (found := _model_in(argument))), None)
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
