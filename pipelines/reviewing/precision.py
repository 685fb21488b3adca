"""How precise an audit is: the half-width of its interval, and how many labels a narrower one takes.

Wilson's interval (`curation/agreement/share.py`), for as many rows as would have the same variance if they were drawn
with replacement: of an audit of all rows nothing is left to chance (Cochran, Sampling Techniques, 1977, section 2.6).
"""

from __future__ import annotations

import math

from ...curation.agreement.estimate import Estimate
from ...curation.agreement.share import wilson

EXPECTED = 0.8
"""Agreement of teachers with people that is supposed before anything is measured. Towards 0.5 an interval is wider."""


def half_width(labels: int, population: int, value: float = EXPECTED) -> float:
    """Half of the 95 % interval of a share, from so many labels drawn at random of `population` rows."""
    if not labels:
        return 0.5
    left = (population - labels) / (population - 1) if population > 1 else 0.0
    low, high = wilson(value, labels / left if left > 0 else math.inf)
    return (high - low) / 2


def more_labels(measured: Estimate, population: int, target: float) -> int:
    """How many labels more bring the interval to ±`target`, if rows of one task go on to go wrong together as they did.

    0 where it is as narrow already. All rows that are left, where no fewer do.
    """
    plain = half_width(measured.n, population, measured.value)
    wider = measured.width / 2 / plain if plain > 0 else 1.0
    low, high = measured.n, population
    if high <= low or measured.width / 2 <= target:
        return 0
    while low < high:
        middle = (low + high) // 2
        if wider * half_width(middle, population, measured.value) <= target:
            high = middle
        else:
            low = middle + 1
    return low - measured.n
