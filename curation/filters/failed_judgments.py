"""Failed judgments: verdicts that rest on fewer readable judgments than were asked for."""

from __future__ import annotations

from pydantic import Field

from ...schemas.rows import Comparison, Judgment, Verdict
from . import VerdictFilter


class FailedJudgments(VerdictFilter):
    """Drops verdicts some of whose questions have no readable judgment.

    What is left of such a verdict is one order or part of a jury, and carries the position bias that asking in both
    orders would have cancelled (Wang et al., arXiv 2305.17926). Verdicts without any readable judgment are failed rows
    already and never get here. A question that was answered when it was asked again has not failed.
    """

    allow: int = Field(0, ge=0)
    """Questions that may stay unanswered."""

    def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
        asked = {_question(judgment) for judgment in judgments}
        read = {_question(judgment) for judgment in judgments if judgment.failure is None}
        failed = len(asked - read)
        return f"{failed} of {len(asked)} judgments could not be read" if failed > self.allow else None


def _question(judgment: Judgment) -> tuple[str, str, tuple[int, ...], bool]:
    return judgment.teacher, judgment.judge, judgment.shown, judgment.with_reference
