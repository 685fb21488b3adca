"""pydantic's errors as lines for a person: `key.path: what (got …). Known: …. Did you mean …?`, one for each mistake.

What a recipe holds is repeated only where its key is known: an unknown key may hold a secret.
"""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..schemas.errors import known

Location = tuple[int | str, ...]

_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text", "path": "a path"}
_SAID = {
    **{
        f"{name}_{end}": said
        for name, said in _TYPES.items()
        for end in ("type", "parsing", "parsing_size", "from_float")
    },
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "a text of at least {min_length} characters",
}
"""pydantic's type of error -> what should stand there."""
_JSON_TEXT = "a mapping (got a text)."
"""Rows read from Parquet hold free-form mappings as JSON text; a recipe must not, since a key could hide in it."""


@dataclass(frozen=True, slots=True)
class _Mistake:
    """One error of pydantic."""

    kind: str
    expected: str
    """What should stand there, in words."""
    got: object
    location: Location
    """Without the names that pydantic gives to the branches of a union."""
    known: tuple[str, ...]
    """Keys or choices that are known there."""
    branch: tuple[Location, str] | None = None
    """Where a union stands, and which of its branches this error is of."""


def lines_of(error: ValidationError, model: type[BaseModel], where: str, beside: Sequence[str] = ()) -> Iterator[str]:
    """One line a mistake; `where` is the key path of the entry that `model` was read from.

    `beside`: keys that may stand in the same entry although the model does not know them.
    """
    mistakes = _one_branch_each([_mistake(details, model, beside) for details in error.errors(include_url=False)])
    missing = {mistake.location for mistake in mistakes if mistake.kind == "missing"}
    mistakes = [_meant(mistake, missing) if mistake.kind == "extra_forbidden" else mistake for mistake in mistakes]
    mistyped = {(*m.location[:-1], m.expected) for m in mistakes if m.kind == "extra_forbidden"}
    for mistake in mistakes:
        if mistake.kind != "missing" or mistake.location not in mistyped:
            yield f"{key_path(where, mistake.location)}: {_what(mistake)}"


def _meant(mistake: _Mistake, missing: set[Location]) -> _Mistake:
    """An unknown key with the name that was probably meant: rather one that is missing than the nearest of all."""
    lacking = [str(place[-1]) for place in missing if place[:-1] == mistake.location[:-1]]
    name = mistake.location[-1]
    return replace(mistake, expected="".join(near(name, lacking) or near(name, mistake.known)))


def coerced(read: object, raw: object, location: Location = ()) -> Iterator[tuple[Location, str]]:
    """Where pydantic took a text or a truth value for a number, or the like, and what to say about it."""
    if isinstance(read, BaseModel) and isinstance(raw, dict):
        for name in (name for name in type(read).model_fields if name in raw):
            yield from coerced(getattr(read, name), raw[name], (*location, name))
    elif isinstance(read, tuple) and isinstance(raw, list):
        for index, pair in enumerate(zip(read, raw, strict=False)):
            yield from coerced(*pair, (*location, index))
    elif isinstance(read, bool | int | float) and isinstance(raw, str | bool) and type(read) is not type(raw):
        yield location, said(_TYPES[type(read).__name__], raw)
    elif isinstance(read, bool) and not isinstance(raw, bool):
        yield location, said(_TYPES["bool"], raw)
    elif isinstance(read, dict) and isinstance(raw, str):
        yield location, _JSON_TEXT


def said(expected: str, got: object) -> str:
    """What should stand there and what stands there, with a hint where quotes are what is wrong."""
    hint = ""
    if expected == "a text" and isinstance(got, int | float):
        hint = " Put it in quotes."
    elif expected in ("a number", "a whole number", "true or false") and isinstance(got, str) and _plain(got):
        hint = " Leave the quotes away."
    return f"{expected} (got {short(got)}).{hint}"


def short(value: object) -> str:
    """What a recipe holds, in at most 60 characters."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def near(name: object, names: Sequence[str]) -> list[str]:
    """The one of `names` that was probably meant, or none."""
    return difflib.get_close_matches(str(name), names, n=1)


def key_path(where: str, location: Location) -> str:
    """`answers[0]` and `('sampling', 'stop', 1)` -> `answers[0].sampling.stop[1]`."""
    path = where
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _what(mistake: _Mistake) -> str:
    if mistake.kind == "extra_forbidden":
        hint = f" Did you mean {mistake.expected!r}?" if mistake.expected else ""
        return f"no such key. {known('', mistake.known)}{hint}"
    if mistake.kind == "missing":
        return f"missing{mistake.expected}."
    if mistake.kind == "json":
        return mistake.expected
    if mistake.kind == "value_error":
        end = "" if mistake.expected.endswith((".", "?")) else "."
        bare = (
            isinstance(mistake.got, dict | list)
            or "(got " in mistake.expected
            or short(mistake.got) in mistake.expected
        )
        return (
            f"{mistake.expected}{end}" if bare else f"{mistake.expected.removesuffix('.')} (got {short(mistake.got)})."
        )
    meant = near(mistake.got, mistake.known) if isinstance(mistake.got, str) else []
    return said(mistake.expected, mistake.got) + "".join(f" Did you mean {name!r}?" for name in meant)


def _mistake(details: Any, model: type[BaseModel], beside: Sequence[str]) -> _Mistake:  # noqa: ANN401 - pydantic's
    """An error with the place in the model that it is about, found by walking along its location."""
    kind, context = details["type"], details.get("ctx", {})
    location: Location = ()
    branch, parent, here = None, model, _arms(model)[0]
    of_key = details["loc"][-1:] == ("[key]",)
    path = details["loc"][:-1] if of_key else details["loc"]
    for place, part in enumerate(path, start=1):
        arms = _arms(here)
        if len(arms) > 1:
            branch = branch or (location, part)
            here = next((arm for arm in arms if _is_called(arm, part)), Any)
            continue
        here, location = arms[0], (*location, part)
        if isinstance(here, type) and issubclass(here, BaseModel):
            parent = here
        here = _inside(here, part, key=of_key and place == len(path))
    if kind == "extra_forbidden":
        names = (*parent.model_fields, *(beside if len(location) == 1 else ()))
        return _Mistake(kind, "", None, location, names, branch)
    here = _arms(here)[0]
    names = tuple(choice for choice in get_args(here) if isinstance(choice, str)) if get_origin(here) is Literal else ()
    if kind == "missing":
        told = parent.model_fields[str(location[-1])].description
        expected = f". {told.partition('.')[0]}" if told else ""
    elif kind == "literal_error":
        expected = f"one of {', '.join(map(repr, get_args(here)))}"
    elif kind == "model_type":
        expected = f"a mapping with {', '.join(here.model_fields)}"
    elif isinstance(context.get("error"), json.JSONDecodeError):
        return _Mistake("json", _JSON_TEXT, None, location, (), branch)
    elif kind in _SAID:
        expected = _SAID[kind].format(**context)
    else:
        expected = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return _Mistake(kind, expected, details.get("input"), location, names, branch)


def _one_branch_each(mistakes: list[_Mistake]) -> list[_Mistake]:
    """Of each union one branch: the one that fits on the outside; where none does, one mistake that names them all."""
    result = [mistake for mistake in mistakes if mistake.branch is None]
    for place in dict.fromkeys(mistake.branch[0] for mistake in mistakes if mistake.branch):
        branches: dict[str, list[_Mistake]] = {}
        for mistake in mistakes:
            if mistake.branch and mistake.branch[0] == place:
                branches.setdefault(mistake.branch[1], []).append(mistake)
        deeper = [found for found in branches.values() if all(mistake.location != place for mistake in found)]
        if deeper:
            deeper.sort(key=len)
            result += deeper[0]
            continue
        every = [found[0] for found in branches.values()]
        expected, names = " or ".join(m.expected for m in every), tuple(name for m in every for name in m.known)
        result.append(replace(every[0], kind="union", expected=expected, known=names))
    return result


def _arms(annotation: Any) -> list[Any]:  # noqa: ANN401 - an annotation has no narrower type
    """The branches of a union but None, or the annotation itself."""
    if get_origin(annotation) is Annotated:
        return _arms(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [arm for arm in get_args(annotation) if arm is not type(None)]
    return [annotation]


def _is_called(arm: Any, name: object) -> bool:  # noqa: ANN401
    """Whether pydantic calls a branch of a union so."""
    return str(name).startswith("literal[") if get_origin(arm) is Literal else getattr(arm, "__name__", "") == name


def _inside(annotation: Any, part: int | str, *, key: bool) -> Any:  # noqa: ANN401
    """The annotation of what stands under a key or an index; `key`: of a mapping's key itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else Any
    arguments = get_args(annotation)
    return arguments[-1 if get_origin(annotation) is dict and not key else 0] if arguments else Any


def _plain(text: str) -> bool:
    """Whether a text would be a number or a truth value without its quotes."""
    try:
        float(text)
    except ValueError:
        return text in ("true", "false")
    return True
