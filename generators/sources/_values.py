"""Single values of a record: what counts as absent, what is text, and how a value is quoted in a message."""

from __future__ import annotations

import json
import math
from typing import Any

SHOWN = 80
"""Characters of a bad value that are quoted in a message."""


class Malformed(ValueError):
    """A record that cannot become a Task; one line for a person. Never leaves this folder."""


def quoted(value: object) -> str:
    """A value on one line, cut to `SHOWN` characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def present(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """The value, or None where it is null, NaN, blank text or an empty list."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if (isinstance(value, str) and not value.strip()) or value == []:
        return None
    return value


def text_of(value: object, name: str) -> str:
    """A value that must be text. Raises `Malformed`, also for half of a surrogate pair, which UTF-8 cannot hold."""
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text (got {quoted(value)})")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Malformed(f"{name} is not valid Unicode (got {quoted(value)})") from None
    return value


def scalar_of(value: object, name: str) -> str | None:
    """A text, number, date or the like as text; 7.0, as pandas writes whole numbers beside gaps, is `7`.

    Raises `Malformed` for lists, mappings and bytes.
    """
    if value is None:
        return None
    if isinstance(value, (dict, list, tuple, bytes)):
        raise Malformed(f"{name} must be one value (got {quoted(value)})")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return text_of(str(value), name)


def json_of(text: str, name: str) -> Any:  # noqa: ANN401 - a JSON value
    """What a cell of JSON text holds. Raises `Malformed`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{name} is text but not JSON ({error}): {quoted(text)}") from None


def parts_of(value: dict[str, Any], name: str, allowed: set[str]) -> dict[str, Any]:
    """The present entries of a struct; an unknown key is refused, since dropping it would lose what it says."""
    parts = {key: part for key, part in value.items() if present(part) is not None}
    for key in parts:
        if key not in allowed:
            raise Malformed(f"{name}: unknown key {quoted(key)}. Known: {', '.join(sorted(allowed))}.")
    return parts
