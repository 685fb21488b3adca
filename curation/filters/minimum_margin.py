"""Minimum margin: verdicts whose scores lie too close together to trust the winner."""

from __future__ import annotations

from pydantic import Field

from ...schemas.rows import Comparison, Judgment, Verdict
from . import VerdictFilter


class MinimumMargin(VerdictFilter):
    """Drops verdicts whose |margin| is below `margin`; ties, whose margin is 0, go with any `margin` above 0.

    The smaller the gap between two answers, the more a judge's choice depends on their order (Shi et al., arXiv
    2406.07791). Dropping close pairs raises the share of right labels and makes the data easier than the task.
    """

    margin: float = Field(1, ge=0)
    """Least |margin|, on the judge's own scale: 1 is one grade of ten for `judgelm`."""

    def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
        margin = verdict.final_margin
        if margin is None:
            return "no margin"
        return f"margin {margin:+g}" if abs(margin) < self.margin else None
