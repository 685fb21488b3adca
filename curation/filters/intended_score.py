"""Intended score: answers that were written to deserve a score, and that the judge gives another."""

from __future__ import annotations

from statistics import fmean

from pydantic import Field

from ...schemas.rows import Answer, Grade, Task
from . import GradeFilter


class IntendedScore(GradeFilter):
    """Drops graded answers whose grade is not the score that the answer aimed at.

    In the Feedback-Collection (Prometheus, arXiv 2310.08491, section 3) the score was fixed first and the answer
    written for it, so that an answer meant as a 2 may deserve a 4 and is labelled 2 all the same. Here an independent
    judge has to agree. It should be another model than the one that wrote the answer. Answers that aimed at nothing are
    kept.
    """

    tolerance: float = Field(0, ge=0)
    """Largest distance between the mean of an answer's grades and its intended score, on the rubric's scale."""

    def drop(self, task: Task, answer: Answer, grades: tuple[Grade, ...]) -> str | None:
        scores = [grade.score for grade in grades if grade.score is not None]
        if answer.intended is None or not scores:
            return None
        mean = fmean(scores)
        # Means of thirds are not exact.
        if abs(mean - answer.intended) <= self.tolerance + 1e-9:
            return None
        return f"intended {answer.intended}, graded {mean:g}"
