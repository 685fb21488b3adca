"""A share of rows, with Wilson's interval.

Wilson, Journal of the American Statistical Association 22 (1927). Where several rows belong to one task, the rows are
divided by the design effect first (Kish; as in Korn and Graubard, Survey Methodology 24(2), 1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from .estimate import LEVEL, Estimate
from .tasks import codes, design_effect


def deviations(level: float) -> float:
    """How many standard deviations a two-sided interval reaches: 1.96 for 0.95. `level`: above 0, below 1."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1 (got {level})")
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(value: float, rows: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a share seen in `rows` rows, which need not be whole; infinitely many give `value`."""
    if math.isinf(rows):
        return value, value
    z = deviations(level)
    middle = (value + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z * math.sqrt(value * (1 - value) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    # Rounding must not put the bound of 0 or of all on the wrong side of the share itself.
    return max(0.0, min(middle - reach, value)), min(1.0, max(middle + reach, value))


def share(hits: Sequence[bool], tasks: Sequence[str] | None = None, *, level: float = LEVEL) -> Estimate:
    """The share of `hits` that are true. `tasks` names each row's task; without it, rows are independent.

    Raises `Undefined` without rows, and for several rows of one task only.
    """
    places = codes(tasks, len(hits))
    found = np.array(hits, dtype=np.float64)
    value = float(found.mean())
    low, high = wilson(value, len(found) / design_effect(found - value, places), level)
    return Estimate(value, low, high, len(found), int(places.max()) + 1, f"share, {level:.0%} Wilson over tasks")
