"""What a teacher's bias adds to a margin, measured where the truth is known to be equal.

The place offset comes from pairs that a teacher judged in both orders: half of what the order changed has nothing to do
with the answers. The length slope comes from probe pairs, the same content padded or shortened: regressing real
verdicts on length would count honest evidence as bias, because better answers tend to be longer.

Both are constants of a teacher and a judge's prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from statistics import fmean

import numpy as np

from .logistic import Floats
from .readings import Reading

LEAST = 100
"""Fewest pairs in both orders, and fewest probe pairs, that an effect of a teacher is estimated from. 300 are better:
with rates like those of published judges an effect is then known to about 5 %."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One constant of a teacher, with its uncertainty."""

    value: float
    """In scores on the judge's scale."""
    error: float
    """Standard error, clustered by task."""
    pairs: int


@dataclass(frozen=True, slots=True)
class Bias:
    """What sways one teacher. None where nothing measured it."""

    offset: Effect | None
    """Added to the score of the answer shown first over that of the one shown last."""
    spread: float | None
    """Standard deviation between pairs of that offset, call noise and rounding included."""
    slope: Effect | None
    """Added for one unit of log length ratio, for an answer 2.7 times as long with the same content."""


def measure(judged: Sequence[Reading], probes: Sequence[Reading] = (), *, least: int = LEAST) -> dict[str, Bias]:
    """Each teacher's bias. An effect with fewer than `least` pairs behind it is None.

    `probes`: readings of pairs with the same content at different lengths. They count for the offset as well.
    """
    teachers = sorted({reading.teacher for reading in (*judged, *probes)})
    return {
        teacher: _bias(
            [reading for reading in judged if reading.teacher == teacher],
            [reading for reading in probes if reading.teacher == teacher],
            least,
        )
        for teacher in teachers
    }


def _bias(judged: Sequence[Reading], probes: Sequence[Reading], least: int) -> Bias:
    halves, tasks = [], []
    for one in _balanced((*judged, *probes)):
        if one.half is not None:
            halves.append(one.half)
            tasks.append(one.task_id)
    offset = _effect(np.ones(len(halves)), np.array(halves), tasks) if len(halves) >= least else None
    # A probe read in one order only has the offset in it.
    shift = offset.value if offset else 0.0
    found = [one for one in _balanced(probes) if one.length and (offset or one.half is not None)]
    slope = (
        _effect(
            np.array([one.length for one in found]),
            np.array([one.margin - shift * one.place for one in found]),
            [one.task_id for one in found],
        )
        if len(found) >= least
        else None
    )
    return Bias(offset, float(np.std(halves, ddof=1)) if offset else None, slope)


@dataclass(frozen=True, slots=True)
class _Balanced:
    """A pair's readings by one teacher, each order counted once."""

    task_id: str
    margin: float
    half: float | None
    """Half of what the order changed; None where one order is missing."""
    place: float
    length: float


def _balanced(found: Iterable[Reading]) -> Iterable[_Balanced]:
    ordered = sorted(found, key=lambda reading: reading.comparison_id)
    for _, group in groupby(ordered, key=lambda reading: reading.comparison_id):
        same = list(group)
        orders = {place: [one.margin for one in same if one.place == place] for place in {one.place for one in same}}
        means = {place: fmean(margins) for place, margins in orders.items()}
        yield _Balanced(
            task_id=same[0].task_id,
            margin=fmean(means.values()),
            half=(means[1.0] - means[-1.0]) / 2 if len(means) == 2 else None,
            place=fmean(means),
            length=same[0].length,
        )


def _effect(column: Floats, margins: Floats, tasks: Sequence[str]) -> Effect:
    """Least squares through the origin, with a clustered standard error."""
    square = float(column @ column)
    value = float(column @ margins) / square
    scores: dict[str, float] = {}
    for task, part in zip(tasks, column * (margins - value * column), strict=True):
        scores[task] = scores.get(task, 0.0) + float(part)
    groups = len(scores)
    error = sqrt(sum(score * score for score in scores.values()) * groups / max(groups - 1, 1)) / square
    return Effect(value, error, len(tasks))
