"""A rubric: what a judge is asked to look at, and what each score means.

Shape after the Feedback-Collection (Prometheus, arXiv 2310.08491, section 3: one criterion with a description per
score); a rubric of plain text is a criterion without descriptions.
"""

from __future__ import annotations

from .frozen import Frozen


class Level(Frozen):
    """What one score of a criterion means."""

    score: int
    description: str


class Rubric(Frozen):
    """One criterion and, where known, a description of each score from worst to best."""

    criteria: str
    """What is judged, e.g. `Is the answer correct and complete?`"""
    levels: tuple[Level, ...] = ()
    """Scores in ascending order; empty where only the criterion is known."""
