"""Figures about how far the labels can be trusted. One that a run does not have is said to be not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .seen import Seen

NOT_MEASURED = "not measured"
IN_MANIFEST = {
    "bias": ("position bias", "length bias", "self-preference"),
    "agreement": ("agreement of teachers with people", "agreement among people"),
}
"""Key of a manifest under which a run may keep figures -> what is missing where it keeps none."""
SHOWN = 60
"""Figures at most; the manifest has all of them."""


def measured(seen: Seen, manifest: Mapping[str, Any]) -> Iterator[list[str]]:
    """Pairs of a figure's name and its value."""
    total = seen.winners.total()
    won = [f"{name} {rows:,} ({rows / total:.1%})" for name, rows in sorted(seen.winners.items())]
    yield ["which answer won, in the published order", ", ".join(won) or NOT_MEASURED]
    both = seen.consistent.total()
    same = f"{seen.consistent[True] / both:.1%} of {both:,} published verdicts" if both else NOT_MEASURED
    yield ["same winner in both orders", same]
    yield ["reviewed by people", f"{seen.reviewed:,} of {seen.examples:,} examples"]
    for key, missing in IN_MANIFEST.items():
        figures = list(_flat(manifest.get(key), key))
        if figures:
            yield from figures[:SHOWN]
        else:
            yield from ([name, NOT_MEASURED] for name in missing)


def _flat(value: object, path: str) -> Iterator[list[str]]:
    """Every figure below a key, with the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}: {key}")
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _flat(item, f"{path}: {number}")
    elif value is not None and value != []:
        yield [path, _text(value)]
    elif value is None and ":" in path:
        yield [path, NOT_MEASURED]


def _text(value: object) -> str:
    if isinstance(value, list):
        return " to ".join(_text(item) for item in value) if len(value) == 2 else ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
