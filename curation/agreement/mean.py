"""A mean over rows, with an interval by the bootstrap over tasks (`resampled.py`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .estimate import Estimate
from .resampled import BOOTSTRAP, Bootstrap
from .tasks import codes


def mean(values: Sequence[float], tasks: Sequence[str] | None = None, *, bootstrap: Bootstrap = BOOTSTRAP) -> Estimate:
    """The mean of `values`. `tasks` names each row's task; without it, rows are independent.

    Raises `Undefined` without rows, and for rows of one task only.
    """
    places = codes(tasks, len(values))
    table = np.column_stack([np.array(values, dtype=np.float64), np.ones(len(values))])
    drawn = bootstrap.resample(table, places)
    low, high = bootstrap.interval(drawn[:, 0] / drawn[:, 1])
    return Estimate(
        float(table[:, 0].mean()), low, high, len(values), int(places.max()) + 1, f"mean, {bootstrap.says()}"
    )
