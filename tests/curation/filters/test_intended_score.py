"""The filter of answers that aimed at a score: an independent judge has to agree."""

from __future__ import annotations

import pytest

from prefmill.curation.filters import Filter, GradeFilter
from prefmill.curation.filters.intended_score import IntendedScore
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Grade, Message, Task

TASK = Task(messages=(Message(role="user", content="Why?"),))


def _found(intended: int | None, *scores: float | None, tolerance: float = 0) -> str | None:
    answer = Answer(task_id=TASK.id, model="m", text="So.", intended=intended)
    unread = Failure(kind="unreadable", message="no score")
    grades = tuple(
        Grade(
            answer_id=answer.id, task_id=TASK.id, teacher=f"t{number}", judge="prometheus_absolute", score=score,
            failure=unread if score is None else None,
        )
        for number, score in enumerate(scores)
    )  # fmt: skip
    plugin: GradeFilter = IntendedScore(tolerance=tolerance)
    return plugin.drop(TASK, answer, grades)


def test_it_is_found_by_name() -> None:
    assert load(Filter, "intended_score") is IntendedScore


@pytest.mark.parametrize(
    ("intended", "scores", "tolerance", "found"),
    [
        (2, (2,), 0, None),
        (2, (3,), 0, "intended 2, graded 3"),
        (2, (3,), 1, None),
        (2, (4,), 1, "intended 2, graded 4"),
        (5, (4.5,), 0, "intended 5, graded 4.5"),
        (2, (2, 3), 0, "intended 2, graded 2.5"),
        (2, (1, 3), 0, None),
        (2, (2, 2, 3), 0.333333333, None),
        (2, (None, 3), 0, "intended 2, graded 3"),
        (2, (None,), 0, None),
        (None, (1,), 0, None),
    ],
)
def test_the_grade_has_to_be_the_intended_score(
    intended: int | None, scores: tuple[float | None, ...], tolerance: float, found: str | None
) -> None:
    assert _found(intended, *scores, tolerance=tolerance) == found
