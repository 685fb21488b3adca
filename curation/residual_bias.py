"""Bias that is left in labels, one definition for all: what a nuisance buys, in the units of the true margin.

A logistic regression of the emitted label on the true margin and on the nuisances; a nuisance's coefficient over the
margin's is how much of the margin one unit of it is worth, and 0 is clean. The same question has three answers:

- the truth is known (a simulated world): `residual_bias` with the true margins. Exact.
- people have judged: `residual_bias` with their labels as margins of -1, 0 or 1. The audit. A label says less than a
  margin, so part of an honest correlation with length stays and reads as bias; compare runs, do not aim for 0.
- probe pairs of equal content: `bias.measure`, in scores. The margin is 0 by construction, so what is left of it is the
  bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np

from .interval import Interval
from .logistic import Codes, Fit, Floats, fitted

_Z95 = 1.959964


def residual_bias(
    labels: Floats, margins: Floats, nuisances: Mapping[str, Floats], tasks: Codes
) -> dict[str, Interval]:  # fmt: skip
    """Each nuisance's worth in units of `margins`, with a 95 % interval clustered by task.

    All of shape (n,). `labels`: 1 the first answer won, 0 the second, 0.5 a tie. `margins`: the truth, positive for the
    first. `nuisances`: advantages of the first answer (`nuisances.py`). Raises `ValueError` where the labels do not
    follow the margins at all, or follow them without a single exception: no coefficient is finite then.
    """
    fit = fitted(np.column_stack([margins, *nuisances.values()]), labels, clusters=tasks)
    if fit.coefficients[0] <= 0:
        raise ValueError("the labels do not follow the true margins, so no nuisance can be measured in their units")
    return {name: _ratio(fit, place) for place, name in enumerate(nuisances, start=1)}


def _ratio(fit: Fit, place: int) -> Interval:
    """The delta method for a ratio of two coefficients."""
    margin, value = float(fit.coefficients[0]), float(fit.coefficients[place] / fit.coefficients[0])
    slope = np.array([-value / margin, 1 / margin])
    part = fit.covariance[np.ix_((0, place), (0, place))]
    reach = _Z95 * sqrt(float(slope @ part @ slope))
    return Interval(value, value - reach, value + reach)
