"""What the first comparisons of a run teach about its teachers: how much they favour a place, and what their gaps say.

Of a pair that a teacher read in both orders, with margins as *shown* (first answer minus second) f and b, (f + b) / 2
is what it gives for standing first and (f - b) / 2 what it thinks of the answers (balanced position calibration: Wang
et al., arXiv 2305.17926). The effective number of votes is Kish's for correlated observations, n / (1 + (n - 1) rho).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from statistics import StatisticsError, correlation, fmean, stdev

from ..schemas.frozen import Frozen
from ..schemas.rows import Judgment

FEWEST = 30
"""Pairs read in both orders below which nothing is said about a teacher."""
LEAST_SPARED = 0.05
"""Share of pairs that a gap must spare the second order, at least; else gaps are said to tell nothing."""
FLAT = 0.95
"""Share of a teacher's gaps that are the same, from which on they are said to tell nothing."""
_NORMAL_95 = 1.96

Pair = tuple[float, float]
"""A teacher's margins of one comparison, each as shown: in the comparison's own order, and in the other."""


class Habit(Frozen):
    """What is known of one teacher. Scores are on the judge's own scale."""

    teacher: str
    pairs: int
    """Comparisons of the pilot that it read in both orders."""
    offset: float
    """What it adds to the margin for the answer shown first."""
    offset_error: float
    """Half the width of the offset's 95 % interval."""
    consistency: float
    """Share of pairs with the same winner, or a tie, in both orders."""
    gap: float | None
    """Where a single order's margin, less the offset, is farther from 0, the other order seldom changes the winner;
    None where gaps do not tell, or were not looked at."""


class Learned(Frozen):
    """What a pilot taught."""

    comparisons: int
    """Comparisons it had."""
    habits: tuple[Habit, ...]
    """One a teacher with at least `FEWEST` pairs."""
    unknown: tuple[str, ...] = ()
    """Teachers of whom too little was read, or, where gaps were looked at, whose gaps tell nothing: they are asked in
    both orders."""
    correlation: float | None = None
    """Mean correlation between two teachers' margins, both orders averaged. Quality that they see alike counts, too, so
    it is above the correlation of their errors, which nobody knows without the truth."""
    votes: float | None = None
    """How many independent teachers this panel is worth, at least: its number over 1 + (number - 1) * correlation."""
    ask_below: float | None = None
    """|margin| of the cheap teachers up to which a cascade asks the strong one."""
    ask_part: float = 1.0
    """Share of the comparisons with exactly that |margin| that it asks about."""

    def habit(self, teacher: str) -> Habit | None:
        """What is known of a teacher; None where too little was read."""
        return next((habit for habit in self.habits if habit.teacher == teacher), None)


def learned_from(heard: Sequence[Sequence[Judgment]], teachers: Sequence[str], lost: float | None = None) -> Learned:
    """What the judgments of a pilot's comparisons teach; `lost` as in `gap_for`, None: no gap is looked for."""
    read = {teacher: [_pair(judgments, teacher) for judgments in heard] for teacher in teachers}
    habits = []
    for teacher, found in read.items():
        pairs = [pair for pair in found if pair is not None]
        if len(pairs) >= FEWEST:
            habits.append(_habit(teacher, pairs, lost))
    rho = _correlation(list(read.values()))
    # Teachers that contradict each other are worth no more than as many independent ones.
    votes = None if rho is None else len(teachers) / (1 + (len(teachers) - 1) * max(rho, 0.0))
    told = {habit.teacher for habit in habits if lost is None or habit.gap is not None}
    return Learned(
        comparisons=len(heard),
        habits=tuple(habits),
        unknown=tuple(teacher for teacher in teachers if teacher not in told),
        correlation=rho,
        votes=votes,
    )


def gap_for(pairs: Sequence[Pair], lost: float) -> float | None:
    """The least gap that keeps the winner of both orders in all but a share `lost` of pairs.

    Up to that gap the other order is asked for, beyond it the corrected margin of one order stands. Each order is taken
    for the first in turn; a tie against a win is half lost. What a pilot shows of rare losses is uncertain: one
    standard error is added. It is at least the offset, so that a tie as shown is always asked again: left to the offset
    alone, all of them would go to the answer shown last. None where no gap spares at least `LEAST_SPARED`, and where
    nearly all gaps are the same: an offset would then still tell first from last, but nothing tells close from clear.
    """
    if _most_common([abs(margin) for pair in pairs for margin in pair]) >= FLAT:
        return None
    offset = fmean((f + b) / 2 for f, b in pairs)
    singles = [(own - offset, (own - other) / 2) for pair in pairs for own, other in (pair, pair[::-1])]
    singles.sort(key=lambda single: -abs(single[0]))
    gap, wrong = 0.0, 0.0
    for single, both in singles:
        wrong += 0.5 * abs(_sign(single) - _sign(both))
        if wrong + sqrt(wrong) > lost * len(singles):
            gap = abs(single)
            break
    gap = round(max(gap, abs(offset)), 9)
    spared = sum(abs(margin) > gap + 1e-9 for margin, _ in singles)
    return gap if spared >= LEAST_SPARED * len(singles) else None


def _habit(teacher: str, pairs: Sequence[Pair], lost: float | None) -> Habit:
    offsets = [(f + b) / 2 for f, b in pairs]
    return Habit(
        teacher=teacher,
        pairs=len(pairs),
        offset=round(fmean(offsets), 9),
        offset_error=round(_NORMAL_95 * stdev(offsets) / sqrt(len(pairs)), 9),
        consistency=fmean(_sign(f) == -_sign(b) for f, b in pairs),
        gap=None if lost is None else gap_for(pairs, lost),
    )


def _pair(judgments: Sequence[Judgment], teacher: str) -> Pair | None:
    read = {one.shown: one.scores for one in judgments if one.teacher == teacher and one.scores is not None}
    forward, backward = read.get((0, 1)), read.get((1, 0))
    if forward is None or backward is None:
        return None
    return forward[0] - forward[1], backward[0] - backward[1]


def _correlation(teachers: Sequence[Sequence[Pair | None]]) -> float | None:
    """Mean over all twos of teachers; None where fewer than two were read, or one says the same of every pair."""
    found = []
    for one, other in combinations(teachers, 2):
        both = [((a[0] - a[1]) / 2, (b[0] - b[1]) / 2) for a, b in zip(one, other, strict=True) if a and b]
        if len(both) < FEWEST:
            return None
        try:
            found.append(correlation(*zip(*both, strict=True)))
        except StatisticsError:
            return None
    return fmean(found) if found else None


def _most_common(values: Sequence[float]) -> float:
    """Share of the value that is there most often."""
    return Counter(round(value, 9) for value in values).most_common(1)[0][1] / len(values)


def _sign(value: float) -> int:
    return (value > 1e-9) - (value < -1e-9)
