"""Cascade: cheap teachers about everything, the strong one where they are least certain.

The idea is that of Jung et al. (arXiv 2407.18370); here certainty is the cheap teachers' |margin| over both orders, and
the pilot shows below which margin the least certain share lies.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from math import ceil
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ...schemas.row import digest
from ...schemas.rows import Comparison, Judgment
from ..learned import FEWEST, Learned, learned_from
from . import Ask, Piloted, Run
from ._settling import BACKWARD, FORWARD, margin_of, offsets_in, questions, settle


class Cascade(Piloted):
    """Asks every teacher but the last in both orders; the last one, the strong one, about the least certain pairs.

    The margins of all who were asked are averaged: where the strong one is asked, the others' is near 0 and it decides.
    It is also asked where nothing the others said could be read.

    The pilot is larger than others', since all but the strong teacher are asked about every pair anyway; that one is
    asked about a part of it.
    """

    fewest_teachers: ClassVar[int] = 2

    pilot: int = Field(600, ge=FEWEST)
    """Comparisons that teach below which margin the least certain share lies, the first of the run in source order."""
    strong_pilot: int = Field(120, ge=FEWEST)
    """About so many of them, drawn by hash, are asked of the strong teacher in both orders, whatever the others say;
    they teach its position offset."""
    share: float = Field(0.35, ge=0, le=1)
    """Share of comparisons that the strong teacher is asked about, as the pilot shows it: this is its part of the
    costs of asking it about everything."""
    budget: int | None = Field(None, ge=FEWEST)
    """Comparisons that the strong teacher is asked about in the whole run, about: `share` is lowered to what that
    allows. None: as `share` says."""
    strong_orders: Literal["one", "both"] = "one"
    """How the strong teacher is asked: once, less its position offset from the pilot, or in both orders."""

    @model_validator(mode="after")
    def _budget_for_the_pilot(self) -> Self:
        if self.budget is not None and self.budget < self.strong_pilot:
            raise ValueError(f"budget must be at least strong_pilot, {self.strong_pilot} (got {self.budget})")
        return self

    def within(self, comparisons: Callable[[], int]) -> Self:
        if self.budget is None:
            return self
        others = max(1, comparisons() - self.strong_pilot)
        return self.model_copy(update={"share": min(self.share, (self.budget - self.strong_pilot) / others)})

    def opening(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> list[Ask]:
        return questions(comparison, teachers[:-1], references, (FORWARD, BACKWARD))

    def continued(
        self,
        comparison: Comparison,
        teachers: Sequence[str],
        references: Sequence[bool],
        heard: Sequence[Judgment],
        learned: Learned | None,
    ) -> Run:
        offsets = offsets_in(learned)
        if learned is None or _unsure(comparison, margin_of(heard, references[0]), learned):
            twice = self.strong_orders == "both" or teachers[-1] not in offsets
            orders = (FORWARD, BACKWARD) if twice else (FORWARD,)
            heard = [*heard, *(yield questions(comparison, teachers[-1:], references, orders))]
        return settle(
            comparison,
            heard,
            protocol=self.plugin_name(),
            with_reference=references[0],
            tie_margin=self.tie_margin,
            offsets=offsets,
        )

    def learn(self, heard: Sequence[Sequence[Judgment]], teachers: Sequence[str]) -> Learned:
        learned = learned_from(heard, teachers)
        cheap = set(teachers[:-1])
        margins = sorted(
            abs(margin)
            for judgments in heard
            if judgments
            and (margin := margin_of([one for one in judgments if one.teacher in cheap], judgments[0].with_reference))
            is not None
        )
        return learned.model_copy(update=_bound(margins, self.share))

    def in_pilot(self, teacher: int, teachers: int) -> float:
        if teacher < teachers - 1:
            return 1.0
        teaching = min(1.0, self.strong_pilot / self.pilot)
        return teaching + (1 - teaching) * self.expected(teacher, teachers, 1) / self.calls(1, 1)

    def teaches(self, comparison: Comparison) -> bool:
        return int(digest("strong", comparison.id), 16) * self.pilot < self.strong_pilot * 2**64

    def expected(self, teacher: int, teachers: int, references: int) -> float:
        if teacher < teachers - 1:
            return 2 * references
        return references * self.share * (2 if self.strong_orders == "both" else 1)


def _unsure(comparison: Comparison, margin: float | None, learned: Learned) -> bool:
    if margin is None or learned.ask_below is None:
        return True
    if abs(margin) != learned.ask_below:
        return abs(margin) < learned.ask_below
    return int(digest("cascade", comparison.id), 16) < learned.ask_part * 2**64


def _bound(ordered: Sequence[float], share: float) -> dict[str, float]:
    """The margin up to which a share lies, and the part of those on it that belongs to the share.

    Margins are coarse: of whole grades, a tenth of all pairs may have the very same one.
    """
    if not ordered or share >= 1:
        return {}
    if share <= 0:
        return {"ask_below": 0.0, "ask_part": 0.0}
    wanted = share * len(ordered)
    margin = ordered[max(0, ceil(wanted) - 1)]
    before = bisect_left(ordered, margin)
    return {"ask_below": margin, "ask_part": (wanted - before) / (bisect_right(ordered, margin) - before)}
