"""Agreeing grades: answers that several teachers grade alike."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ...schemas.rows import Answer, Grade, Task
from . import GradeFilter


class AgreeingGrades(GradeFilter):
    """Drops graded answers whose teachers differ by more than `tolerance`, and those that too few of them graded.

    Flow-Judge's training data kept what two evaluations agreed on (model card of Flow-Judge-v0.1). It selects for clear
    cases: the scores that are dropped are mostly those in the middle of the scale. Where teachers grade with the
    reference and without it, they have to agree both times.
    """

    tolerance: float = Field(0, ge=0)
    """Largest distance between the highest and the lowest grade, on the rubric's scale."""
    least: int = Field(2, ge=1)
    """Fewest teachers with a readable grade."""

    def drop(self, task: Task, answer: Answer, grades: tuple[Grade, ...]) -> str | None:
        modes = dict.fromkeys(grade.with_reference for grade in grades)
        found = (self._found([grade for grade in grades if grade.with_reference == mode]) for mode in modes)
        return next((why for why in found if why is not None), None)

    def _found(self, grades: Sequence[Grade]) -> str | None:
        by_teacher = {grade.teacher: grade.score for grade in grades if grade.score is not None}
        if len(by_teacher) < self.least:
            return f"graded by {len(by_teacher)} of at least {self.least} teachers"
        scores = by_teacher.values()
        # 0.3 - 0.2 is not 0.1.
        if max(scores) - min(scores) <= self.tolerance + 1e-9:
            return None
        return "; ".join(f"{teacher} {score:g}" for teacher, score in by_teacher.items())
