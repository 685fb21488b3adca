"""Cohen's kappa of two raters, and its quadratic-weighted form for grades.

Cohen, Educational and Psychological Measurement 20(1), 1960; Psychological Bulletin 70(4), 1968.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from ..logistic import Floats
from .estimate import Estimate
from .resampled import BOOTSTRAP, Bootstrap, Disagreement, chance_corrected
from .tasks import codes


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    tasks: Sequence[str] | None = None,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Kappa of two raters' labels; -1..1, 0 is chance. `n` counts rows. Raises `Undefined`: see `chance_corrected`."""
    labels = list(dict.fromkeys([*first, *second]))
    weights = 1 - np.eye(len(labels))
    return _kappa("Cohen's kappa", (first, second), labels, weights, tasks=tasks, bootstrap=bootstrap)


def quadratic_kappa(
    first: Sequence[float],
    second: Sequence[float],
    tasks: Sequence[str] | None = None,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Kappa of two raters' grades, a disagreement weighing as the square of the distance between the grades.

    The distance is that of the values, so that a grade which nobody gives changes nothing. scikit-learn's is that of
    the places among the labels given to it: the same where all grades of an even scale are named.
    """
    values = sorted({*first, *second})
    distance = np.subtract.outer(values, values) ** 2
    largest = distance.max() if len(values) > 1 else 1.0
    name = "quadratic-weighted kappa"
    return _kappa(name, (first, second), values, distance / largest, tasks=tasks, bootstrap=bootstrap)


def _kappa(
    name: str,
    raters: tuple[Sequence[Hashable], Sequence[Hashable]],
    labels: Sequence[Hashable],
    weights: Floats,
    *,
    tasks: Sequence[str] | None,
    bootstrap: Bootstrap,
) -> Estimate:
    first, second = raters
    if len(first) != len(second):
        raise ValueError(f"{len(first)} labels of one rater, but {len(second)} of the other")
    places = codes(tasks, len(first))
    number, size = {label: place for place, label in enumerate(labels)}, len(labels)
    table = np.zeros((len(first), size * size))
    cells = [number[one] * size + number[other] for one, other in zip(first, second, strict=True)]
    table[np.arange(len(first)), cells] = 1
    return chance_corrected(name, table, places, _weighted(weights), bootstrap)


def _weighted(weights: Floats) -> Disagreement:
    def disagreement(sums: Floats) -> tuple[Floats, Floats]:
        cells = sums.reshape(len(sums), *weights.shape)
        rows = cells.sum(axis=(1, 2))
        observed = np.einsum("rij,ij->r", cells, weights) / rows
        return observed, np.einsum("ri,ij,rj->r", cells.sum(axis=2), weights, cells.sum(axis=1)) / rows**2

    return disagreement
