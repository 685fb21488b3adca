"""Labels of several raters, as counts: what Fleiss' kappa, Krippendorff's alpha and Gwet's AC1 are computed from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..logistic import Codes, Floats
from .estimate import Undefined
from .tasks import codes

Unit = Sequence[Hashable | None]
"""What the raters say of one thing; None for a rater who says nothing. Units need not be equally long."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many raters gave each label to each unit."""

    labels: tuple[Hashable, ...]
    table: Floats
    """(units, labels); units that nobody rated are left out."""
    places: Codes
    """(units,): the task of each unit."""

    @property
    def raters(self) -> Floats:
        """Ratings of each unit, (units,), 1 at least."""
        total: Floats = self.table.sum(axis=1)
        return total

    def paired(self) -> Counts:
        """The units with two ratings at least. Raises `Undefined` where there are none."""
        enough = self.raters >= 2
        if not enough.any():
            raise Undefined("no unit has two ratings")
        _, places = np.unique(self.places[enough], return_inverse=True)
        return Counts(self.labels, self.table[enough], places)

    def disagreement(self) -> Floats:
        """Share of each unit's pairs of ratings that differ, (units,). For units with two ratings at least."""
        raters = self.raters
        share: Floats = 1 - (self.table * (self.table - 1)).sum(axis=1) / (raters * (raters - 1))
        return share


def counts(
    units: Sequence[Unit], tasks: Sequence[str] | None = None, labels: Sequence[Hashable] | None = None
) -> Counts:
    """The counts of `units`. `labels` are those that could be given; without it, those that were, as first met.

    Raises `Undefined` without ratings, `ValueError` for a label that could not be given.
    """
    if tasks is not None and len(tasks) != len(units):
        raise ValueError(f"{len(units)} units, but {len(tasks)} tasks")
    rated = [place for place, unit in enumerate(units) if any(label is not None for label in unit)]
    given = dict.fromkeys(label for unit in units for label in unit if label is not None)
    known = tuple(given if labels is None else dict.fromkeys(labels))
    if strange := given.keys() - set(known):
        raise ValueError(f"labels that could not be given: {', '.join(sorted(map(repr, strange)))}")
    places = codes(None if tasks is None else [tasks[place] for place in rated], len(rated))
    number = {label: place for place, label in enumerate(known)}
    table = np.zeros((len(rated), len(known)))
    for row, place in enumerate(rated):
        for label in units[place]:
            if label is not None:
                table[row, number[label]] += 1
    return Counts(known, table, places)
