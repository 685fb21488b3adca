"""Intervals by the cluster bootstrap: percentiles over resampled tasks.

Davison and Hinkley, Bootstrap Methods and their Application, 1997, sections 3.8 and 5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..logistic import Codes, Floats
from ..resampling import task_weights
from .estimate import LEVEL, Estimate, Undefined
from .share import wilson
from .tasks import sums

Disagreement = Callable[[Floats], tuple[Floats, Floats]]
"""(repeats, columns) of sums over rows -> observed (at most 1) and expected disagreement, (repeats,) each."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How an interval is made."""

    repeats: int = 2000
    seed: int = 0
    level: float = LEVEL

    def resample(self, table: Floats, places: Codes) -> Floats:
        """The sums of `table` over all rows of each resample, (repeats, columns). Raises `Undefined` for one task."""
        by_task = sums(table, places)
        if len(by_task) < 2:
            raise Undefined("all rows belong to one task: there is nothing to make an interval from")
        drawn = task_weights(np.arange(len(by_task)), self.repeats, self.seed)
        return np.stack([weights @ by_task for weights in drawn])

    def interval(self, values: Floats) -> tuple[float, float]:
        """Between the outer percentiles of the resamples in which the number is defined (the others are NaN)."""
        defined = values[~np.isnan(values)]
        if not len(defined):
            raise Undefined("the number is not defined in any resample of the tasks")
        low, high = np.quantile(defined, [(1 - self.level) / 2, (1 + self.level) / 2])
        return float(low), float(high)

    def says(self) -> str:
        """How the interval was made, for `Estimate.method`."""
        return f"{self.level:.0%} bootstrap over tasks ({self.repeats} resamples, seed {self.seed})"


BOOTSTRAP = Bootstrap()


def chance_corrected(
    name: str, table: Floats, places: Codes, disagreement: Disagreement, bootstrap: Bootstrap = BOOTSTRAP
) -> Estimate:
    """`1 - observed / expected` with its interval. `table`: one row a unit.

    Where nobody disagrees anywhere, every resample says 1. The lower bound then supposes that as many tasks as Wilson's
    bound for 0 of them allows are full disagreements. Raises `Undefined` where no disagreement is to be expected.
    """
    observed, expected = disagreement(table.sum(axis=0)[None])
    if expected[0] <= 0:
        raise Undefined(f"{name} is not defined: everybody always says the same")
    value = 1 - float(observed[0] / expected[0])
    resamples = bootstrap.resample(table, places)
    tasks = int(places.max()) + 1
    if observed[0] <= 0:
        _, most = wilson(0.0, tasks, bootstrap.level)
        low, high = 1 - min(most / float(expected[0]), 2.0), 1.0
    else:
        seen, chance = disagreement(resamples)
        low, high = bootstrap.interval(1 - np.divide(seen, chance, out=np.full_like(seen, np.nan), where=chance > 0))
    return Estimate(value, low, high, len(table), tasks, f"{name}, {bootstrap.says()}")
