"""Two streams of labelled rows side by side: what is in one only, and what is labelled otherwise.

Of the first, each row's key and label are kept; of the second nothing, so that a set of any length takes the memory of
its keys. Rows with the same key are told apart by their number among these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

FIRST = 10
"""Rows of each kind of difference that are named."""
CLOSE = 1e-9
"""Scores that differ by no more are the same: sums come in another order after a resume of older versions."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is compared of a row."""

    name: str
    """How a person finds it: an id, or a place in a file."""
    winner: str | None
    """`first`, `second` or `tie`; None where the row is a graded answer, or nobody could judge it."""
    scores: tuple[float, ...]
    """The margin of a pair, the scores of several answers, or the grades of one; empty where nothing is said."""
    kept: bool = True

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"row": self.name, "winner": self.winner, "scores": list(self.scores), "kept": self.kept}


def compared(one: Iterator[tuple[str, Labelled]], other: Iterator[tuple[str, Labelled]]) -> dict[str, Any]:
    """Counts and the first rows: `{a, b, both, same, only_a, only_b, changed: {winner, scores, kept}, first: {only_a,
    only_b, changed: [{a, b}]}}`. A row whose winner changed is counted there and under `scores` as well."""
    index: dict[tuple[str, int], Labelled] = {}
    seen: Counter[str] = Counter()
    for key, row in one:
        index[key, seen[key]] = row
        seen[key] += 1
    total, changed = len(index), Counter[str]()
    only_b: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    seen.clear()
    for key, row in other:
        before = index.pop((key, seen[key]), None)
        seen[key] += 1
        if before is None:
            changed["only_b"] += 1
            if len(only_b) < FIRST:
                only_b.append(row.plain())
            continue
        what = list(_changes(before, row))
        changed.update(what)
        changed["same"] += not what
        changed["both"] += 1
        if what and len(pairs) < FIRST:
            pairs.append({"a": before.plain(), "b": row.plain()})
    return {
        "a": total,
        "b": seen.total(),
        **{key: changed[key] for key in ("both", "same")},
        "only_a": len(index),
        "only_b": changed["only_b"],
        "changed": {key: changed[key] for key in ("winner", "scores", "kept")},
        "first": {"only_a": [row.plain() for row in islice(index.values(), FIRST)], "only_b": only_b, "changed": pairs},
    }


def _changes(before: Labelled, after: Labelled) -> Iterator[str]:
    if before.winner != after.winner:
        yield "winner"
    if len(before.scores) != len(after.scores) or any(
        abs(old - new) > CLOSE for old, new in zip(before.scores, after.scores, strict=True)
    ):
        yield "scores"
    if before.kept != after.kept:
        yield "kept"
