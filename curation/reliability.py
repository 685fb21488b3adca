"""How far stated probabilities are from what happened: calibration error, Brier score and the table behind a diagram.

Expected calibration error as in Guo et al. (arXiv 1706.04599, section 2), over bins of equal counts (Nguyen and
O'Connor, EMNLP 2015), so that no bin is nearly empty; Brier score: Brier, Monthly Weather Review 78(1), 1950.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np

from .logistic import Floats

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows whose stated probability lies in one range."""

    low: float
    high: float
    """Smallest and largest stated probability in it."""
    rows: int
    stated: float
    """Mean stated probability."""
    happened: float
    """Mean outcome."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Stated probabilities beside outcomes."""

    rows: int
    ece: float
    """Mean over the rows of |stated - happened| of their bin; 0..1, 0 is best."""
    ece_of_chance: float
    """What perfect probabilities would show on average with so few rows; an `ece` near it says nothing against them."""
    brier: float
    """Mean squared distance of stated probability and outcome; 0..1, 0 is best."""
    bins: tuple[Bin, ...]


def reliability(stated: Floats, outcomes: Floats, bins: int = BINS) -> Reliability:
    """Compares probabilities with outcomes of 0 or 1, both of shape (n,), in `bins` bins of equal counts.

    Equal probabilities share a bin, so there may be fewer bins. Raises `ValueError` without rows.
    """
    if not len(stated):
        raise ValueError("no outcomes to compare probabilities with")
    edges = np.unique(np.quantile(stated, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    places = np.searchsorted(edges, stated, side="left")
    table = tuple(_bin(stated[places == place], outcomes[places == place]) for place in np.unique(places))
    # The mean of |x| of a normal x with deviation s is s * sqrt(2 / pi).
    chance = sum(sqrt(2 / pi * bin_.rows * bin_.stated * (1 - bin_.stated)) for bin_ in table)
    return Reliability(
        rows=len(stated),
        ece=sum(bin_.rows * abs(bin_.stated - bin_.happened) for bin_ in table) / len(stated),
        ece_of_chance=chance / len(stated),
        brier=float(np.mean((stated - outcomes) ** 2)),
        bins=table,
    )


def _bin(stated: Floats, outcomes: Floats) -> Bin:
    return Bin(
        low=float(stated.min()),
        high=float(stated.max()),
        rows=len(stated),
        stated=float(stated.mean()),
        happened=float(outcomes.mean()),
    )
