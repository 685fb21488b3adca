"""Thresholds that keep a promise: of the verdicts with p at or above one, at least a target share is right.

Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei, arXiv 2110.01052): whether a threshold breaks the promise
is a hypothesis, tested on labels that the curve has not seen with the exact binomial p-value, which is what Clopper and
Pearson's interval (Biometrika 26(4), 1934) turns around. Thresholds are tested from the strictest to the loosest and
the first that cannot be shown to hold ends it (fixed sequence testing), so each may use the whole error level. The same
for LLM judges: Jung et al., arXiv 2407.18370. Geifman and El-Yaniv (arXiv 1705.08500) search such a threshold by
bisection.

What is promised: with probability `confidence` over the draw of the labels, people agree with at least `target` of what
is kept. It holds for verdicts like the labelled ones: of the same run's teachers, prompt and tasks, labelled at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, lgamma, log

import numpy as np

from .calibration import Calibration
from .logistic import Floats

CONFIDENCE = 0.95
GRID = tuple(number / 100 for number in range(99, 49, -1))
"""Thresholds that are tried, strictest first; fixed before any label is seen."""
_HEADROOM = 3
"""The first test is of the strictest threshold with this many times the labels at which a spotless record would do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A threshold and what the held-out labels say of it."""

    threshold: float
    """Keep verdicts with p at or above it."""
    labels: int
    """Held-out labels that it keeps."""
    share: float
    """Share of the held-out labels that it keeps, 0..1."""
    accuracy: float
    """Share of those that are right."""
    at_least: float
    """Lower end of Clopper and Pearson's one-sided interval at the confidence asked for. For the threshold of an
    accuracy it is at least the target; for that of a share it holds for this one threshold."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No threshold keeps the promise, so nothing is kept."""

    why: str
    """One line: what was asked, the best that could be shown, and what would help."""


def keep_accurate(calibration: Calibration, target: float, confidence: float = CONFIDENCE) -> Kept | Nothing:
    """The loosest threshold whose kept verdicts are shown to be right in at least `target` of cases.

    `target` and `confidence`: between 0 and 1, ends excluded; `ValueError` otherwise.
    """
    _inside(target=target, confidence=confidence)
    p, right = np.array(calibration.held_out.p), np.array(calibration.held_out.right)
    found: Kept | None = None
    for threshold in GRID[_start(calibration.fitted, len(p), target, confidence) :]:
        tried = _kept(threshold, p, right, confidence)
        if tried is None or tried.at_least < target:
            return found or Nothing(_why(threshold, tried, target, confidence))
        found = tried
    return found or Nothing(_why(GRID[-1], None, target, confidence))


def keep_share(
    calibration: Calibration, share: float, probabilities: Floats, confidence: float = CONFIDENCE
) -> Kept | Nothing:
    """The threshold that keeps the most certain `share` (0..1) of `probabilities`, ties with the last one included.

    `probabilities`: those of the verdicts to choose among, shape (n,). Nothing where no held-out label is kept, so that
    nothing is known of what is.
    """
    _inside(share=share, confidence=confidence)
    rank = min(len(probabilities), max(1, round(share * len(probabilities))))
    threshold = float(np.sort(probabilities)[::-1][rank - 1])
    p, right = np.array(calibration.held_out.p), np.array(calibration.held_out.right)
    why = f"no held-out label has p >= {threshold:.3f}, so nothing is known of the top {share:.0%}"
    return _kept(threshold, p, right, confidence) or Nothing(why)


def lower_bound(right: int, labels: int, confidence: float = CONFIDENCE) -> float:
    """Clopper and Pearson's one-sided lower bound of a share, of `right` among `labels` (at least one)."""
    low, high = 0.0, right / labels
    # The probability of so many or more rises with the share; where it is 1 - confidence lies the bound.
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _at_least(right, labels, middle) > 1 - confidence else (middle, high)
    return low


def _at_least(right: int, labels: int, share: float) -> float:
    """P(X >= right) of a binomial X."""
    if right == 0:
        return 1.0
    if share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    whole = lgamma(labels + 1)
    return sum(
        exp(whole - lgamma(n + 1) - lgamma(labels - n + 1) + n * log(share) + (labels - n) * log(1 - share))
        for n in range(right, labels + 1)
    )


def _kept(threshold: float, p: Floats, right: Floats, confidence: float) -> Kept | None:
    chosen = right[p >= threshold]
    if not len(chosen):
        return None
    good = int(chosen.sum())
    return Kept(
        threshold=threshold,
        labels=len(chosen),
        share=len(chosen) / len(p),
        accuracy=good / len(chosen),
        at_least=lower_bound(good, len(chosen), confidence),
    )


def _start(fitted: Sequence[float], held_out: int, target: float, confidence: float) -> int:
    """Where to begin: at stricter thresholds too few labels would be left to show anything.

    Judged by the rows the curve was fitted to, so that the labels that test it have no say.
    """
    need = _HEADROOM * ceil(log(1 - confidence) / log(target))
    p = np.array(fitted)
    enough = (place for place, at in enumerate(GRID) if np.mean(p >= at) * held_out >= need)
    return next(enough, len(GRID) - 1)


def _why(threshold: float, tried: Kept | None, target: float, confidence: float) -> str:
    asked = f"{100 * target:g}% right cannot be shown at {confidence:.0%} confidence"
    if tried is None:
        return f"{asked}: no held-out label has p >= {threshold:.2f}; label more verdicts"
    return (
        f"{asked}: of {tried.labels} held-out labels with p >= {threshold:.2f}, {tried.accuracy:.1%} are right, which "
        f"shows {tried.at_least:.1%}; label more verdicts or ask for less"
    )


def _inside(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1 (got {value:g})")
