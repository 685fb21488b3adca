"""How many of the pairs that the longer, and the shorter, answer won stay, so that length does not tell the winner.

Pairs are matched within a bin of like pairs: the same two models, and lengths that differ as much. Over all pairs
together, a rate of one half may still hide that the longer answer wins wherever it is much longer (Chatbot Arena's
style control and RM-Bench, arXiv 2410.16184, measure the same bias).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from math import exp, floor
from typing import NamedTuple

from .shares import at_least

RATIOS = (1.1, 1.25, 1.5, 2.0, 3.0)
"""Ratios of the longer answer's words to the shorter's between which bins lie."""
OTHERS = "other pairs of models"


class Bin(NamedTuple):
    """What pairs that are matched with each other have in common."""

    models: str
    ratio: int
    """Index of the range of ratios, 0 to len(RATIOS)."""

    @property
    def ratios(self) -> str:
        """The range, as text."""
        ends = ("1", *(f"{ratio:g}" for ratio in RATIOS))
        return f"{ends[self.ratio]}-{ends[self.ratio + 1]}" if self.ratio < len(RATIOS) else f"{ends[-1]} or more"


def ratio_of(log_ratio: float) -> int:
    """The index of the range that a log of a ratio, of either sign, lies in."""
    return bisect_right(RATIOS, exp(abs(log_ratio)))


def pooled(bins: Iterable[Bin], fewest: int) -> dict[Bin, Bin]:
    """Each bin with the one in which its pairs are matched: one of fewer than `fewest` pairs shares that of the other
    models' pairs with like ratios."""
    counts = Counter(bins)
    return {one: one if count >= fewest else Bin(OTHERS, one.ratio) for one, count in counts.items()}


def stay(longer: int, shorter: int, rate: float, least: float) -> tuple[int, int]:
    """How many of `longer` pairs won by the longer answer and of `shorter` won by the shorter one stay.

    As many as let the longer answer win `rate` (0..1) of them, but at least `least` (0..1) of all: of what there is too
    little, all stays then.
    """
    if longer * (1 - rate) > shorter * rate:
        enough = floor(shorter * rate / (1 - rate) + 0.5)
        return min(longer, max(enough, at_least(least, longer + shorter) - shorter)), shorter
    enough = floor(longer * (1 - rate) / rate + 0.5)
    return longer, min(shorter, max(enough, at_least(least, longer + shorter) - longer))
