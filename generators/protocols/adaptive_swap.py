"""Adaptive swap: the other order is asked only where it can change the winner.

A swap changes the winner where the answers lie close together (Zheng et al., arXiv 2306.05685, table 2; Shi et al.,
arXiv 2406.07791). The pilot shows each teacher's position offset and how close that is; `lost` says what the saving may
cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ...schemas.rows import Comparison, Judgment
from ..learned import Habit, Learned, learned_from
from . import Ask, Piloted, Run
from ._settling import BACKWARD, FORWARD, margin_of, offsets_in, questions, settle

_SWAPPED = 0.35
"""Share of comparisons that are swapped, for `check`; about what a strong teacher of the simulated world needs."""


class AdaptiveSwap(Piloted):
    """Asks each teacher once, and in the other order where its margin, less its offset, is within its gap.

    A teacher whose gaps tell nothing (say, always the same gap), or of whom too little could be read, is asked in both
    orders, and the verdict is flagged `no_gap_information`.
    """

    lost: float = Field(0.01, ge=0, le=1)
    """Greatest share of winners that may differ from those of both orders, as the pilot shows it."""

    def opening(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> list[Ask]:
        return questions(comparison, teachers, references, (FORWARD,))

    def continued(
        self,
        comparison: Comparison,
        teachers: Sequence[str],
        references: Sequence[bool],
        heard: Sequence[Judgment],
        learned: Learned | None,
    ) -> Run:
        habits = {teacher: learned.habit(teacher) if learned else None for teacher in teachers}
        again = [teacher for teacher in teachers if _can_change(habits[teacher], heard, references[0])]
        if again:
            heard = [*heard, *(yield questions(comparison, again, references, (BACKWARD,)))]
        unsure = learned is not None and any(habit is None or habit.gap is None for habit in habits.values())
        return settle(
            comparison,
            heard,
            protocol=self.plugin_name(),
            with_reference=references[0],
            tie_margin=self.tie_margin,
            offsets=offsets_in(learned),
            flags=("no_gap_information",) if unsure else (),
        )

    def learn(self, heard: Sequence[Sequence[Judgment]], teachers: Sequence[str]) -> Learned:
        return learned_from(heard, teachers, self.lost)

    def expected(self, teacher: int, teachers: int, references: int) -> float:
        return (1 + _SWAPPED) * references


def _can_change(habit: Habit | None, heard: Sequence[Judgment], with_reference: bool) -> bool:
    """Whether the other order may change the winner of this teacher, or is its last chance to be read."""
    if habit is None or habit.gap is None:
        return True
    own = [judgment for judgment in heard if judgment.teacher == habit.teacher]
    margin = margin_of(own, with_reference, {habit.teacher: habit.offset})
    return margin is None or abs(margin) <= habit.gap + 1e-9
