"""A teacher's readings as one row a pair, in which each order counts once however often it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.probe import ProbeKind, Removable
from .logistic import Floats
from .readings import Reading


@dataclass(frozen=True, slots=True)
class Balanced:
    """One teacher's pairs, in the order of their first readings. Arrays are of shape (n,)."""

    comparisons: tuple[str, ...]
    tasks: tuple[str, ...]
    kinds: tuple[ProbeKind | None, ...]
    forward: Floats
    """Mean margin where the comparison's first answer was shown first; NaN where it was not asked so."""
    backward: Floats
    """Mean margin where it was shown last."""
    advantages: dict[Removable, Floats]
    """What the first answer has over the second, by the bias that it feeds; `position` is 0 where both orders were
    read."""
    own: Floats

    @property
    def margin(self) -> Floats:
        """Mean of the orders that were read."""
        return np.asarray(np.nanmean(np.stack([self.forward, self.backward]), axis=0), dtype=np.float64)

    @property
    def half(self) -> Floats:
        """What standing first is worth: half of what the order changed, NaN where one order is missing.

        An answer beside itself tells it in a single order.
        """
        half = (self.forward - self.backward) / 2
        alone = np.isnan(half) & np.array([kind == "identical" for kind in self.kinds], dtype=bool)
        half[alone] = (self.margin * self.advantages["position"])[alone]
        return half


def balanced(readings: Sequence[Reading]) -> dict[str, Balanced]:
    """Teacher -> its pairs; teachers in the order of the alphabet."""
    places: dict[tuple[str, str], int] = {}
    heads: list[Reading] = []
    cells = np.empty(len(readings), dtype=np.int64)
    for number, reading in enumerate(readings):
        place = places.setdefault((reading.teacher, reading.comparison_id), len(heads))
        if place == len(heads):
            heads.append(reading)
        cells[number] = 2 * place + (reading.place < 0)
    total = np.bincount(cells, [reading.margin for reading in readings], minlength=2 * len(heads))
    count = np.bincount(cells, minlength=2 * len(heads))
    means = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0).reshape(-1, 2)
    rows: dict[str, list[int]] = {}
    for place, head in enumerate(heads):
        rows.setdefault(head.teacher, []).append(place)
    return {
        teacher: _table([heads[place] for place in rows[teacher]], means[rows[teacher]]) for teacher in sorted(rows)
    }


def signs(margins: Floats) -> Floats:
    """1 the first answer won, -1 the second, 0 neither; NaN stays."""
    # A mean of grades that should be 0 must not win by its last bit.
    return np.asarray(np.sign(np.round(margins, 9)), dtype=np.float64)


def _table(heads: Sequence[Reading], means: NDArray[np.float64]) -> Balanced:
    read = ~np.isnan(means)
    return Balanced(
        comparisons=tuple(head.comparison_id for head in heads),
        tasks=tuple(head.task_id for head in heads),
        kinds=tuple(head.kind for head in heads),
        forward=means[:, 0],
        backward=means[:, 1],
        advantages={
            "position": (read[:, 0].astype(np.float64) - read[:, 1]) / read.sum(axis=1),
            "length": np.array([head.length for head in heads]),
            "format": np.array([head.format for head in heads]),
            "label": np.array([head.label for head in heads]),
        },
        own=np.array([head.own for head in heads]),
    )
