"""What filters that look at one row at a time say of a task, or of an example and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...curation.filters import AnswerFilter, Filter, GradeFilter, TaskFilter, VerdictFilter
from ...schemas.rows import Answer, Example, Task

STAGES = {
    "each task": "tasks",
    "all tasks": "tasks",
    "each answer": "answers",
    "all answers to a task": "answers",
    "each verdict": "verdicts",
    "each graded answer": "grades",
    "all that would be published": "examples",
}
"""What a filter acts on (`overview.acts_on`) -> the stage of its losses."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What a filter says of a row."""

    dropped: str | None = None
    """One line on what was found, where the row is to be dropped."""
    flagged: str | None = None
    """One line on why people should look at it."""
    unasked: bool = False
    """The row holds nothing that the filter looks at."""


KEPT, UNASKED = Objection(), Objection(unasked=True)
Judge = Callable[[Task | Example], Objection]


def one_at_a_time(plugin: Filter) -> Judge:
    """How a filter of single tasks, answers, verdicts or grades is asked. A row goes where any part of it does."""
    if isinstance(plugin, TaskFilter):
        return lambda row: _said(plugin.drop(row if isinstance(row, Task) else row.task))

    def judge(row: Task | Example) -> Objection:
        if isinstance(row, Task):
            return UNASKED
        found = list(_parts(plugin, row))
        return _said(next((one for one in found if one is not None), None)) if found else UNASKED

    return judge


def of_answer(answer: Answer, found: str) -> str:
    """What was found in one of a row's answers."""
    return f"answer of {answer.model}: {found}"


def _said(found: str | None) -> Objection:
    return KEPT if found is None else Objection(found)


def _parts(plugin: Filter, row: Example) -> Iterator[str | None]:
    """What the filter says of each part of an example that it looks at."""
    if isinstance(plugin, AnswerFilter):
        for answer in row.answers:
            if answer.text is not None:
                found = plugin.drop(row.task, answer)
                yield found and of_answer(answer, found)
    elif isinstance(plugin, VerdictFilter):
        if row.verdict is not None and row.comparison is not None:
            yield plugin.drop(row.comparison, row.judgments, row.verdict)
    elif isinstance(plugin, GradeFilter):
        for answer in row.answers:
            if grades := tuple(grade for grade in row.grades if grade.answer_id == answer.id):
                found = plugin.drop(row.task, answer, grades)
                yield found and of_answer(answer, found)
