"""Figures about how far the labels can be trusted. One that a run does not have is said to be not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..bias_tables import figure_text
from .seen import Seen

NOT_MEASURED = "not measured"
OF_PEOPLE = ("agreement of teachers with people", "agreement among people")
"""What is missing where a manifest has no `agreement`."""
OF_BIAS = ("position bias", "length bias", "self-preference")
"""What is missing where a manifest has no `bias`; where it has, a section of its own tells it (`card.sections`)."""
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
    if review := manifest.get("review"):
        yield ["teachers agree with people, by a random audit of the labels", _audited(review["teachers"])]
    agreement = list(_flat(manifest.get("agreement"), "agreement"))
    yield from agreement[:SHOWN]
    missing = [*(() if agreement else OF_PEOPLE), *(() if manifest.get("bias") else OF_BIAS)]
    yield from ([name, NOT_MEASURED] for name in missing)


def _audited(figure: Mapping[str, Any]) -> str:
    return f"{NOT_MEASURED}: {figure['undefined']}" if "undefined" in figure else figure_text(figure)


def _flat(value: object, path: str) -> Iterator[list[str]]:
    """Every figure below a key, with the keys that lead to it."""
    if isinstance(value, Mapping) and "undefined" in value:
        yield [path, f"{NOT_MEASURED}: {value['undefined']}"]
    elif isinstance(value, Mapping) and {"value", "low", "high"} <= value.keys():
        yield [path, figure_text(value)]
    elif isinstance(value, Mapping):
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
