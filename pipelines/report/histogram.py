"""Histograms of numbers that come a part at a time: every different value is counted, bins are made at the end.

Scores and margins are grades, differences of grades and means of a few of them: there are few different values.
Margins are rounded to a thousandth, so that there are never more than some ten thousand.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 40
"""Bins at most, where values are no grades."""
_STEPS = ((5.0, 0.25), (10.0, 0.5))
"""Spread up to which bins are so wide. Means of a few grades lie a third or a sixth apart: bins of a wide spread that
were no wider would hold one such value here and two there."""
_EXACT = 1000


class Histogram:
    """How often each value came."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()

    def add(self, values: NDArray[np.float64]) -> None:
        """Count values, NaN left out."""
        told = np.round(values[np.isfinite(values)] * _EXACT).astype(np.int64)
        found, counts = np.unique(told, return_counts=True)
        for value, count in zip((found / _EXACT).tolist(), counts.tolist(), strict=True):
            self._counts[value] += count

    def __len__(self) -> int:
        return self._counts.total()

    def plain(self, nothing: str) -> dict[str, Any]:
        """`{n, mean, histogram: {edges, counts}}`; `{"undefined": nothing}` where nothing was counted.

        A bin is a quarter, half or a whole unit wide (or several, where the values spread over more than `BINS`) and
        centred on a multiple of that, so that grades are not split and 0 has a bin of its own.
        """
        if not self._counts:
            return {"undefined": nothing}
        values = np.array(list(self._counts))
        weights = np.array(list(self._counts.values()))
        width = _width(values)
        places = np.floor(values / width + 0.5).astype(np.int64)
        low, high = int(places.min()), int(places.max())
        counts = np.bincount(places - low, weights, high - low + 1).astype(np.int64)
        edges = (np.arange(low, high + 2) - 0.5) * width
        mean = float(values @ weights / weights.sum())
        return {
            "n": len(self),
            "mean": mean,
            "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        }


def _width(values: NDArray[np.float64]) -> float:
    spread = float(np.ptp(values))
    if not np.array_equal(values, np.round(values)):
        for most, width in _STEPS:
            if spread <= most:
                return width
    return max(1.0, float(np.ceil(spread / BINS)))
