"""Filters: keep or drop, with a reason. One file each; nothing is deleted, dropped rows go to `dropped/`.

A filter acts as early as it can. Those of tasks act before any answer is paid for, and those of answers before pairs
are drawn, so that nobody pays to judge what would be dropped; those of verdicts, of grades and of examples act on what
would be published. Most look at one row; a filter of a set has to see all of it first, and then says which rows go.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...schemas.plugins import Plugin
from ...schemas.rows import Answer, Comparison, Example, Grade, Judgment, Task, Verdict


class Filter(Plugin):
    """Base of all kinds of filter."""

    kind: ClassVar[str] = "filter"

    def ready(self) -> None:
        """Have what the filter needs beside its rows at hand. Asked before anything is paid for.

        Raises `UserError` where a package or a file is missing. Filters of sets of tasks, which act before that anyway,
        need not say so here.
        """


@dataclass(frozen=True, slots=True)
class Selection:
    """What a filter of a set has decided."""

    dropped: Mapping[str, str] = field(default_factory=dict)
    """Id -> one line on what was found; the others are kept."""
    flagged: Mapping[str, str] = field(default_factory=dict)
    """Id -> one line on why people should look at it; it is kept."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Figures for the manifest, as JSON values: sizes before and after, what there is too little of."""


class TaskFilter(Filter):
    """Base of the filters that look at one task."""

    @abstractmethod
    def drop(self, task: Task) -> str | None:
        """One line on what was found, where the task is to be dropped; None keeps it."""


class TaskSetFilter(Filter):
    """Base of the filters that look at all tasks of a source."""

    @abstractmethod
    def choose(self, tasks: Iterable[Task]) -> Selection:
        """Which tasks go, by id. They come once, in source order, and need not fit into memory together."""


class AnswerSetFilter(Filter):
    """Base of the filters that look at all answers to one task."""

    @abstractmethod
    def drop(self, task: Task, answers: Sequence[Answer]) -> Mapping[str, str]:
        """Id -> one line on what was found, of the answers that are to be dropped.

        `answers`: those that are there and that no filter before this one has dropped, in recipe order.
        """


class ExampleSetFilter(Filter):
    """Base of the filters that look at everything that would be published."""

    @abstractmethod
    def choose(self, examples: Callable[[], Iterable[Example]]) -> Selection:
        """Which examples go, by `key`. Each call of `examples` gives all of them from the beginning, in the canonical
        order; they need not fit into memory together."""

    @staticmethod
    def key(example: Example) -> str:
        """Id by which an example is dropped: its verdict's, or, without one, its comparison's or its answer's."""
        if example.verdict is not None:
            return example.verdict.id
        return example.comparison.id if example.comparison is not None else example.answers[0].id


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
