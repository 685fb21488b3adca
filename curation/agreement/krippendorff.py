"""Krippendorff's alpha: any number of raters, missing ratings, and distances between labels.

Krippendorff, Computing Krippendorff's Alpha-Reliability (University of Pennsylvania, 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np

from ..logistic import Floats
from .estimate import Estimate
from .ratings import Counts, Unit, counts
from .resampled import BOOTSTRAP, Bootstrap, Disagreement, chance_corrected

Scale = Literal["nominal", "ordinal", "interval"]
"""Labels that are the same or not; that have an order; that are numbers whose differences mean something."""


def krippendorff_alpha(
    units: Sequence[Unit],
    tasks: Sequence[str] | None = None,
    *,
    scale: Scale = "nominal",
    order: Sequence[str] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """Alpha; 0 is chance, 1 agreement. `n` counts the units with two ratings at least: others say nothing.

    Made for grades and winners: memory grows with units times the square of the number of different labels.
    Labels are numbers where `scale` is not nominal; `order` names labels that are none, lowest first, for `ordinal`.
    Raises `ValueError` for a label without a place in the order, and `Undefined` as `chance_corrected` does.
    """
    if scale != "nominal":
        units = [[None if label is None else _number(label, order) for label in unit] for unit in units]
    rated = counts(units, tasks)
    if scale != "nominal":
        rated = counts(units, tasks, sorted(cast(tuple[float, ...], rated.labels)))
    rated = rated.paired()
    size = len(rated.labels)
    disagreement = _disagreement(size, scale, rated)
    name = f"Krippendorff's alpha ({scale})"
    return chance_corrected(name, _coincidences(rated), rated.places, disagreement, bootstrap)


def _number(label: object, order: Sequence[str] | None) -> float:
    if order is not None and label in order:
        return float(order.index(str(label)))
    if order is None and isinstance(label, int | float):
        return float(label)
    raise ValueError(f"label {label!r} has no place in the order; expected {order or 'numbers'}")


def _coincidences(rated: Counts) -> Floats:
    """What each unit adds to the matrix of coincidences, (units, labels * labels)."""
    table = rated.table
    pairs = table[:, :, None] * table[:, None, :]
    labels = np.arange(table.shape[1])
    pairs[:, labels, labels] -= table
    return (pairs / (rated.raters - 1)[:, None, None]).reshape(len(table), -1)


def _disagreement(size: int, scale: Scale, rated: Counts) -> Disagreement:
    def disagreement(sums: Floats) -> tuple[Floats, Floats]:
        cells = sums.reshape(len(sums), size, size)
        marginals = cells.sum(axis=2)
        if scale == "nominal":
            distance = np.broadcast_to(1 - np.eye(size), cells.shape)
        elif scale == "interval":
            distance = _squared(np.broadcast_to(np.array(rated.labels, dtype=np.float64), marginals.shape))
        else:
            # The ordinal distance of two labels is that of their mean ranks.
            distance = _squared(marginals.cumsum(axis=1) - marginals / 2)
        total = marginals.sum(axis=1)
        observed = (cells * distance).sum(axis=(1, 2)) / total
        return observed, np.einsum("ri,rij,rj->r", marginals, distance, marginals) / (total * (total - 1))

    return disagreement


def _squared(positions: Floats) -> Floats:
    """Squared distances between all positions, (repeats, labels, labels), the largest 1."""
    squares: Floats = (positions[:, :, None] - positions[:, None, :]) ** 2
    largest = squares.max(axis=(1, 2), keepdims=True)
    scaled: Floats = np.divide(squares, largest, out=np.zeros_like(squares), where=largest > 0)
    return scaled
