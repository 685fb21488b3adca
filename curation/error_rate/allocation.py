"""Strata of verdicts, and how many rows of each to check.

Neyman, Journal of the Royal Statistical Society 97(4), 1934: the variance of the total is smallest where as many rows
are drawn from each stratum as its size times the deviation within it demands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ...schemas.rows import Verdict

FEWEST = 2
"""Rows drawn of every stratum, where it has as many: one alone says nothing about the deviation."""


def by_margin(verdicts: Sequence[Verdict], strata: int = 5) -> dict[str, list[Verdict]]:
    """Verdicts in up to `strata` groups of about equal size, by the distance of the margin from 0, closest calls first.

    Equal margins share a stratum, so there may be fewer. Raises `ValueError` for a verdict without a margin.
    """
    margins = [_distance(verdict) for verdict in verdicts]
    if not margins:
        return {}
    edges = np.unique(np.quantile(margins, np.linspace(0, 1, strata + 1)[1:-1], method="lower"))
    names = [f"margin to {edge:g}" for edge in edges]
    names.append(f"margin above {edges[-1]:g}" if len(edges) else "all")
    groups: dict[str, list[Verdict]] = {name: [] for name in names}
    for verdict, place in zip(verdicts, np.searchsorted(edges, margins, side="left"), strict=True):
        groups[names[place]].append(verdict)
    return {name: group for name, group in groups.items() if group}


def proportional(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """`total` rows over strata of `sizes` in proportion to them."""
    return _divided(sizes, {name: float(size) for name, size in sizes.items()}, total)


def neyman(sizes: Mapping[str, int], rates: Mapping[str, float], total: int) -> dict[str, int]:
    """`total` rows over strata of `sizes`, given the error rate, 0..1, that is expected in each.

    Expected from a first batch or from calibrated confidences: a wrong guess costs width, never coverage.
    """
    weights = {name: size * math.sqrt(rates[name] * (1 - rates[name])) for name, size in sizes.items()}
    return _divided(sizes, weights, total)


def _distance(verdict: Verdict) -> float:
    if verdict.final_margin is None:
        raise ValueError(f"verdict {verdict.id} has no margin to group it by")
    return abs(verdict.final_margin)


def _divided(sizes: Mapping[str, int], weights: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers that add up to `total` (or to all rows), each at least `FEWEST` and at most its size."""
    given = {name: min(FEWEST, size) for name, size in sizes.items()}
    if total < sum(given.values()):
        raise ValueError(f"{total} rows are too few for {len(sizes)} strata; expected {sum(given.values())} at least")
    for _ in range(min(total, sum(sizes.values())) - sum(given.values())):
        # One at a time to whoever lacks most of their share: the largest quotient, as seats are given to parties.
        open_ = [name for name in sizes if given[name] < sizes[name]]
        neediest = max(open_, key=lambda name: (weights[name] / (given[name] + 0.5), sizes[name] - given[name]))
        given[neediest] += 1
    return given
