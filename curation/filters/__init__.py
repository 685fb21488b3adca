"""Filters: keep or drop, with a reason. One file each; nothing is deleted, dropped rows go to `dropped/`.

A filter of answers acts before pairs are drawn, so that nobody pays to judge what would be dropped; those of verdicts
and of grades act on what would be published.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from ...schemas.plugins import Plugin
from ...schemas.rows import Answer, Comparison, Grade, Judgment, Task, Verdict


class Filter(Plugin):
    """Base of all kinds of filter."""

    kind: ClassVar[str] = "filter"


class AnswerFilter(Filter):
    """Base of the filters that look at one answer."""

    @abstractmethod
    def drop(self, task: Task, answer: Answer) -> str | None:
        """One line on what was found, where the answer is to be dropped; None keeps it.

        Failed answers never get here.
        """


class VerdictFilter(Filter):
    """Base of the filters that look at one verdict and what it rests on."""

    @abstractmethod
    def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
        """One line on what was found, where the verdict is to be dropped; None keeps it.

        `judgments` includes failed ones.
        """


class GradeFilter(Filter):
    """Base of the filters that look at one graded answer."""

    @abstractmethod
    def drop(self, task: Task, answer: Answer, grades: tuple[Grade, ...]) -> str | None:
        """One line on what was found, where the graded answer is to be dropped; None keeps it.

        `grades` are the answer's readable ones, at least one.
        """
