"""What several teachers say of the same pairs: how far their winners agree, and whether one favours its own family.

Winners are those of a teacher's mean over orders.

`own_family` is the preference for one's own kin beyond what other judges see in it (self-preference: arXiv 2306.05685,
section 3.3, and arXiv 2410.21819): on pairs in which one answer is by the teacher's family, how much oftener it prefers
that answer than the teachers do who have no kin in the pair. A teacher that errs less also sees the better answer more
often: where kin are better than the rest, part of the lift is that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement.cohen import cohen_kappa
from .agreement.estimate import Undefined, plain_or_why
from .balanced import Balanced, signs
from .least_squares import Effect, through_origin
from .logistic import Codes, Floats


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Winners by pair and teacher; arrays are of shape (pairs, teachers)."""

    teachers: tuple[str, ...]
    winners: Floats
    """1 the first answer, -1 the second, 0 neither, NaN not judged."""
    own: Floats
    """Which answer is of the teacher's family; 0 for both or none, and where it did not judge."""
    tasks: NDArray[np.object_]
    """The pairs' tasks, shape (pairs,)."""

    @classmethod
    def of(cls, teachers: Mapping[str, Balanced]) -> SideBySide:
        """`teachers`: name -> its pairs."""
        rows: dict[str, int] = {}
        tasks: list[str] = []
        places: list[Codes] = []
        for found in teachers.values():
            for comparison, task in zip(found.comparisons, found.tasks, strict=True):
                if rows.setdefault(comparison, len(tasks)) == len(tasks):
                    tasks.append(task)
            places.append(np.array([rows[comparison] for comparison in found.comparisons], dtype=np.int64))
        winners, own = np.full((len(rows), len(teachers)), np.nan), np.zeros((len(rows), len(teachers)))
        for column, (found, place) in enumerate(zip(teachers.values(), places, strict=True)):
            winners[place, column] = signs(found.margin)
            own[place, column] = found.own
        return cls(tuple(teachers), winners, own, np.array(tasks, dtype=np.object_))

    def kappa(self, one: str, other: str) -> dict[str, Any]:
        """Cohen's, of the winners of the pairs that both judged, as JSON values."""
        first, second = (self.winners[:, self.teachers.index(name)] for name in (one, other))
        both = ~np.isnan(first + second)
        return plain_or_why(
            lambda: cohen_kappa(first[both].tolist(), second[both].tolist(), self.tasks[both].tolist())
        )  # fmt: skip

    def own_family(self, teacher: str) -> Effect:
        """How much oftener it prefers its family's answer than others do; a share, -1..1, a tie being half a win.

        Raises `Undefined` where nothing tells.
        """
        if teacher not in self.teachers or len(self.teachers) < 2:
            raise Undefined("one teacher alone judged: there is nothing to hold it against")
        column = self.teachers.index(teacher)
        side = self.own[:, column]
        kin = side != 0
        if not kin.any():
            raise Undefined("no pair of an answer by its family and another, or no families are given")
        points = (self.winners * side[:, None] + 1) / 2
        impartial = (self.own == 0) & ~np.isnan(self.winners) & kin[:, None]
        judges = impartial.sum(axis=1)
        rows = np.flatnonzero(judges)
        if not len(rows):
            raise Undefined("no teacher without family in the pair judged the pairs with its own")
        others = np.where(impartial, points, 0.0).sum(axis=1)[rows] / judges[rows]
        lift = points[rows, column] - others
        try:
            (effect,) = through_origin(np.ones((len(rows), 1)), lift, self.tasks[rows].tolist())
        except ValueError as why:
            raise Undefined(str(why)) from None
        return effect
