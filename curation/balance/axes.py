"""What an example is an instance of, by axis: what sets are made even over."""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from statistics import fmean
from typing import Literal

from ...schemas.rows import Example

Axis = Literal["winner", "score", "models", "category"]
"""`winner`: which place of the pair won (`first`, `second`, `tie`); `score`: of a graded answer, its mean grade as a
whole number, halves upwards; `models`: who answered, `a and b`; `category`: the task's."""
TIE = "tie"


def value(axis: Axis, example: Example) -> str | None:
    """The example's value on an axis; None where it has none."""
    return _VALUES[axis](example)


def _winner(example: Example) -> str | None:
    return example.verdict.winner if example.verdict else None


def _score(example: Example) -> str | None:
    scores = [grade.score for grade in example.grades if grade.score is not None]
    return str(floor(fmean(scores) + 0.5)) if example.comparison is None and scores else None


def models(example: Example) -> str:
    """Who answered, in the order of the alphabet."""
    return " and ".join(sorted(answer.model for answer in example.answers))


_VALUES: dict[Axis, Callable[[Example], str | None]] = {
    "winner": _winner,
    "score": _score,
    "models": models,
    "category": lambda example: example.task.category,
}
