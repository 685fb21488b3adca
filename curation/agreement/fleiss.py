"""Fleiss' kappa: several raters, as many for every unit, not necessarily the same.

Fleiss, Psychological Bulletin 76(5), 1971.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..logistic import Floats
from .estimate import Estimate, Undefined
from .ratings import Unit, counts
from .resampled import BOOTSTRAP, Bootstrap, chance_corrected


def fleiss_kappa(
    units: Sequence[Unit], tasks: Sequence[str] | None = None, *, bootstrap: Bootstrap = BOOTSTRAP
) -> Estimate:
    """Kappa of all raters together; 0 is chance, 1 agreement. `n` counts units.

    Raises `Undefined` where units differ in how many rated them (Krippendorff's alpha takes those), and as
    `chance_corrected` does.
    """
    rated = counts(units, tasks)
    raters = np.unique(rated.raters)
    if len(raters) > 1:
        raise Undefined(
            f"Fleiss' kappa needs as many ratings of every unit (got {raters.min():g} to {raters.max():g});"
            " use Krippendorff's alpha"
        )
    rated = rated.paired()
    shares = rated.table / raters[0]
    table = np.column_stack([np.ones(len(shares)), rated.disagreement(), shares])
    return chance_corrected("Fleiss' kappa", table, rated.places, _disagreement, bootstrap)


def _disagreement(sums: Floats) -> tuple[Floats, Floats]:
    means = sums[:, 1:] / sums[:, :1]
    return means[:, 0], 1 - (means[:, 1:] ** 2).sum(axis=1)
