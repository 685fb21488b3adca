"""Histograms of numbers that come a part at a time: every different value is counted, bins are made at the end.

Scores and margins are grades, differences of grades and means of a few of them: there are few different values.
Margins are rounded to a thousandth, so that there are never more than some ten thousand.
"""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Thousandths = NDArray[np.int64]
BINS = 40
"""Bins at most, where values are no grades."""
_UNIT = 1000
_STEPS = ((1000, 50), (5000, 250), (10_000, 500))
"""Spread up to which bins are so wide, in thousandths. Means of a few grades lie a third or a sixth apart: bins of a
wide spread that were no wider would hold one such value here and two there."""
_TWENTIETHS = np.arange(0, _UNIT + 1, 50)


class Histogram:
    """How often each value came. `probabilities`: the values are some, and their bins the same in every run."""

    def __init__(self, *, probabilities: bool = False) -> None:
        self._probabilities = probabilities
        self._counts: Counter[int] = Counter()
        """By value in thousandths: whole numbers, so that what lies on an edge is in the bin above it."""

    def add(self, values: NDArray[np.float64]) -> None:
        """Count values, NaN left out."""
        told = np.round(values[np.isfinite(values)] * _UNIT).astype(np.int64)
        found, counts = np.unique(told, return_counts=True)
        for value, count in zip(found.tolist(), counts.tolist(), strict=True):
            self._counts[value] += count

    def __len__(self) -> int:
        return self._counts.total()

    def plain(self, nothing: str) -> dict[str, Any]:
        """`{n, mean, histogram: {edges, counts}}`; `{"undefined": nothing}` where nothing was counted.

        A bin is a twentieth, quarter, half or a whole unit wide (or several, where the values spread over more than
        `BINS`) and centred on a multiple of that, so that grades are not split and 0 has a bin of its own. Those of
        probabilities are the twentieths of 0 to 1; 1 is in the last one.
        """
        if not self._counts:
            return {"undefined": nothing}
        values = np.array(list(self._counts))
        weights = np.array(list(self._counts.values()))
        edges = _TWENTIETHS if self._probabilities else _centred(values)
        counts = np.histogram(values, edges, weights=weights)[0]
        mean = float(values @ weights / weights.sum() / _UNIT)
        return {
            "n": len(self),
            "mean": mean,
            "histogram": {"edges": (edges / _UNIT).tolist(), "counts": counts.tolist()},
        }


def _centred(values: Thousandths) -> Thousandths:
    """The edges of bins around multiples of their width."""
    width = _width(values)
    places = (values + width // 2) // width
    return np.arange(places.min(), places.max() + 2) * width - width // 2


def _width(values: Thousandths) -> int:
    spread = int(np.ptp(values))
    if (values % _UNIT).any():
        for most, width in _STEPS:
            if spread <= most:
                return width
    return _UNIT * max(1, ceil(spread / (_UNIT * BINS)))
