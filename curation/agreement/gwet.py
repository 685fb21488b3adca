"""Gwet's AC1, which stays near the share of agreement where one label dominates and kappa falls to nothing.

Gwet, British Journal of Mathematical and Statistical Psychology 61(1), 2008; with missing ratings as in the Handbook of
Inter-Rater Reliability (4th edition, 2014, chapter 5), whose examples the R package irrCAC repeats.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from ..logistic import Floats
from .estimate import Estimate, Undefined
from .ratings import Unit, counts
from .resampled import BOOTSTRAP, Bootstrap, chance_corrected


def gwet_ac1(
    units: Sequence[Unit],
    tasks: Sequence[str] | None = None,
    *,
    labels: Sequence[Hashable] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """AC1 of two or more raters; 0 is chance, 1 agreement. `n` counts the units that anybody rated.

    `labels` are those that could be given, which matters: a label that nobody gave makes chance agreement rarer.
    Without it they are those that were given. Raises `Undefined` for fewer than two labels or no unit with two ratings.
    """
    rated = counts(units, tasks, labels)
    if len(rated.labels) < 2:
        raise Undefined("AC1 is not defined: there is one label only")
    rated.paired()
    raters = rated.raters
    several = raters >= 2
    differing = np.zeros(len(raters))
    agreeing = (rated.table * (rated.table - 1)).sum(axis=1)[several]
    differing[several] = 1 - agreeing / (raters * (raters - 1))[several]
    table = np.column_stack([np.ones(len(raters)), several, differing, rated.table / raters[:, None]])
    return chance_corrected("Gwet's AC1", table, rated.places, _disagreement, bootstrap)


def _disagreement(sums: Floats) -> tuple[Floats, Floats]:
    shares = sums[:, 3:] / sums[:, :1]
    by_chance = (shares * (1 - shares)).sum(axis=1) / (shares.shape[1] - 1)
    pairs = sums[:, 1]
    observed = np.divide(sums[:, 2], pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
    return observed, 1 - by_chance
