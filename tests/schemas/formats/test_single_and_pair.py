"""The two answers, or the one grade, that formats take from an example, and why there may be none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats._graded import graded
from prefmill.schemas.formats._pair import pair_of
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Comparison, Example, Grade, Message, Task, Verdict

from . import examples as some

TASK = Task(messages=(Message(role="user", content="How many moons has Mars?"),))
FAILURE = Failure(kind="timeout", message="no reply")


def answer(text: str | None, number: int) -> Answer:
    failure = FAILURE if text is None else None
    return Answer(task_id=TASK.id, model=f"model-{number}", text=text, failure=failure)


def pair(texts: tuple[str | None, ...] = ("Two.", "None."), **verdict: object) -> Example:
    answers = tuple(answer(text, number) for number, text in enumerate(texts))
    comparison = Comparison(
        task_id=TASK.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    fields = {"comparison_id": comparison.id, "task_id": TASK.id, "protocol": "p", "judgment_ids": (), **verdict}
    return Example(
        index=0,
        task=TASK,
        answers=answers,
        comparison=comparison,
        verdict=Verdict.model_validate(fields) if verdict else None,
    )


def single(text: str | None, *scores: float | None) -> Example:
    grades = tuple(
        Grade(
            answer_id="a",
            task_id=TASK.id,
            teacher="t",
            judge="j",
            score=score,
            failure=FAILURE if score is None else None,
        )
        for score in scores
    )
    return Example(index=0, task=TASK, answers=(answer(text, 0),), grades=grades)


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_comparison", single("Two.", 4)),
        ("more_than_two_answers", pair(("a", "b", "c"))),
        ("failed_answer", pair(("a", None))),
        ("failed_answer", pair((None, "b"))),
    ],
)
def test_what_is_no_pair_is_refused(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        pair_of(example)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_verdict", pair()),
        ("failed_verdict", pair(failure={"kind": "no_judgment", "message": "none"})),
        ("tie", pair(winner="tie")),
        ("empty_answer", pair(("Two.", " \n"), winner="first")),
        ("identical_answers", pair(("Two.", " Two.\n"), winner="second")),
    ],
)
def test_a_pair_without_a_better_answer_is_refused(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        pair_of(example).chosen_and_rejected()
    assert refused.value.reason == reason


@given(some.pairs(some.tasks(), ties=False))
def test_the_winner_is_chosen(example: Example) -> None:
    found = pair_of(example)
    assert found.texts == tuple(answer.text for answer in example.answers)
    chosen, rejected = found.chosen_and_rejected()
    assert (chosen, rejected) == (example.answers if found.winner() == "first" else example.answers[::-1])
    assert example.verdict is not None and example.verdict.margin is not None
    assert (example.verdict.margin > 0) == (chosen is example.answers[0])


@given(some.reviewed(some.tasks()))
def test_people_alone_make_no_verdict(example: Example) -> None:
    assert pair_of(example).verdict is None


@pytest.mark.parametrize(
    ("reason", "example"),
    [("not_one_answer", pair(winner="first")), ("failed_answer", single(None, 4)), ("no_grade", single("Two.", None))],
)
def test_what_is_not_graded_is_refused(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        graded(example)
    assert refused.value.reason == reason


@given(st.lists(st.none() | st.floats(1, 5), max_size=3), st.floats(1, 5))
def test_the_first_grade_that_could_be_read_counts(earlier: list[float | None], score: float) -> None:
    example = single("Two.", *earlier, score, 1.0)
    expected = next(value for value in (*earlier, score) if value is not None)
    found, text, grade, counted = graded(example)
    assert (found, text, counted, grade.score) == (example.answers[0], "Two.", expected, expected)
