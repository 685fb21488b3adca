"""The filter of answers that several teachers grade alike."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.curation.filters import Filter
from prefmill.curation.filters.agreeing_grades import AgreeingGrades
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Grade, Message, Task

TASK = Task(messages=(Message(role="user", content="Why?"),))
ANSWER = Answer(task_id=TASK.id, model="m", text="So.")


def grades(*scores: float, with_reference: bool = False) -> tuple[Grade, ...]:
    """One grade a teacher: t0, t1, …"""
    return tuple(
        Grade(
            answer_id=ANSWER.id,
            task_id=TASK.id,
            teacher=f"t{number}",
            judge="flow_judge",
            with_reference=with_reference,
            score=score,
        )
        for number, score in enumerate(scores)
    )


def test_it_is_found_by_name() -> None:
    assert load(Filter, "agreeing_grades") is AgreeingGrades
    for wrong in ({"tolerance": -1}, {"least": 0}):
        with pytest.raises(ValidationError):
            AgreeingGrades.model_validate(wrong)


@pytest.mark.parametrize(
    ("scores", "settings", "found"),
    [
        ((3, 3), {}, None),
        ((3, 4), {}, "t0 3; t1 4"),
        ((3, 4), {"tolerance": 1}, None),
        ((3, 4, 5), {"tolerance": 1}, "t0 3; t1 4; t2 5"),
        ((0.2, 0.3), {"tolerance": 0.1}, None),
        ((1.0, 1.1), {"tolerance": 0.1}, None),
        ((2.5, 2), {}, "t0 2.5; t1 2"),
        ((3,), {}, "graded by 1 of at least 2 teachers"),
        ((3,), {"least": 1}, None),
        ((3, 3), {"least": 3}, "graded by 2 of at least 3 teachers"),
    ],
)
def test_grades_have_to_be_alike(scores: tuple[float, ...], settings: dict[str, float], found: str | None) -> None:
    assert AgreeingGrades.model_validate(settings).drop(TASK, ANSWER, grades(*scores)) == found


@pytest.mark.parametrize(
    ("with_it", "without", "found"),
    [
        ((4, 4), (2, 2), None),
        ((4, 4), (2, 3), "t0 2; t1 3"),
        ((4, 5), (2, 2), "t0 4; t1 5"),
        ((4, 4), (2,), "graded by 1 of at least 2 teachers"),
    ],
)
def test_they_have_to_be_alike_with_the_reference_and_without_it(
    with_it: tuple[float, ...], without: tuple[float, ...], found: str | None
) -> None:
    """A teacher's two grades of one answer are not compared with each other."""
    both = (*grades(*with_it, with_reference=True), *grades(*without))
    assert AgreeingGrades().drop(TASK, ANSWER, both) == found
    assert AgreeingGrades().drop(TASK, ANSWER, both[::-1]) == (found and "; ".join(reversed(found.split("; "))))
