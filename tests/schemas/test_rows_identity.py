"""Ids: the same for the same content on every machine, different for everything that makes a row another one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.schemas.row import Failure, Row, Usage, digest
from prefmill.schemas.rows import Answer, Comparison, Grade, Judgment, Loss, Message, Reference, Review, Task, Verdict

TASK = Task(source_id="1", messages=(Message(role="user", content="Why is the sky blue?"),), line=3)
ANSWER = Answer(task_id="t", model="m", text="Rayleigh scattering.")
COMPARISON = Comparison(task_id="t", answer_ids=("a", "b"), models=("m", "n"))
JUDGMENT = Judgment(
    comparison_id="c", task_id="t", teacher="g", judge="judgelm", shown=(0, 1), scores=(8, 6), raw="8 6"
)
GRADE = Grade(answer_id="a", task_id="t", teacher="g", judge="prometheus", score=4, raw="[RESULT] 4")
VERDICT = Verdict(comparison_id="c", task_id="t", protocol="one_order", judgment_ids=("j",), winner="first", margin=2.0)
REVIEW = Review(comparison_id="c", task_id="t", verdict_id="v", annotator="ada", winner="tie")
LOSS = Loss(stage="tasks", status="failed", row_id="tasks.jsonl:3", reason="malformed", detail="not JSON")
ROWS: list[Row] = [TASK, ANSWER, COMPARISON, JUDGMENT, GRADE, VERDICT, REVIEW, LOSS]
PAID = Usage(prompt_tokens=1, completion_tokens=2, calls=1)


def fields_of(row: Row) -> dict[str, object]:
    return {name: getattr(row, name) for name in type(row).model_fields}


def test_ids_never_change() -> None:
    """A changed id makes every run directory that exists unreadable."""
    assert {type(row).__name__: row.id for row in ROWS} == {
        "Task": "8d2d5addc8d811f3",
        "Answer": "e88205afd0d2dfd7",
        "Comparison": "f23e5e06c29ff841",
        "Judgment": "8d373d1e15f607d8",
        "Grade": "1ba9de4851759177",
        "Verdict": "27c661aca247b291",
        "Review": "75035f4067434c46",
        "Loss": "c965c2d02a99d58e",
    }


CHANGES: list[tuple[Row, dict[str, object]]] = [
    (TASK, {"source_id": "2"}),
    (TASK, {"messages": (Message(role="user", content="Why is the sky blue? "),)}),
    (TASK, {"messages": (Message(role="system", content="Be brief."), *TASK.messages)}),
    (TASK, {"reference": Reference(text="Scattering.")}),
    (ANSWER, {"task_id": "u"}),
    (ANSWER, {"model": "n"}),
    (ANSWER, {"sample": 1}),
    (ANSWER, {"text": None, "failure": Failure(kind="timeout", message="no reply within 5 s")}),
    (COMPARISON, {"answer_ids": ("b", "a")}),
    (JUDGMENT, {"teacher": "h"}),
    (JUDGMENT, {"shown": (1, 0)}),
    (JUDGMENT, {"with_reference": True}),
    (JUDGMENT, {"sample": 1}),
    (JUDGMENT, {"raw": "8 6\nBecause."}),
    (GRADE, {"raw": "[RESULT] 5"}),
    (VERDICT, {"winner": "tie"}),
    (VERDICT, {"margin": 2.5}),
    (VERDICT, {"judgment_ids": ("j", "k")}),
    (VERDICT, {"winner": None, "margin": None, "scores": (3, 2, 1)}),
    (REVIEW, {"annotator": "bob"}),
    (REVIEW, {"comparison_id": "d"}),
    (REVIEW, {"verdict_id": None}),
    (REVIEW, {"strength": 2.0}),
    (REVIEW, {"ratings": (4, None)}),
    (REVIEW, {"criteria": {"helpful": None}}),
    (LOSS, {"row_id": "tasks.jsonl:4"}),
]


@pytest.mark.parametrize(
    ("row", "change"), CHANGES, ids=lambda value: value.id if isinstance(value, Row) else str(value)
)
def test_what_makes_another_row(row: Row, change: dict[str, object]) -> None:
    assert type(row).model_validate({**fields_of(row), **change}).id != row.id


SAME: list[tuple[Row, dict[str, object]]] = [
    (TASK, {"line": 9, "source": "other.jsonl", "category": "physics", "licence": "MIT"}),
    (ANSWER, {"usage": PAID, "finish_reason": "stop", "family": "f", "origin": "recorded"}),
    (COMPARISON, {"models": ("x", "y")}),
    (JUDGMENT, {"usage": PAID, "origin": "simulated", "scores": (1, 2), "rationale": "because"}),
    (VERDICT, {"usage": PAID, "flags": ("asked_again",), "consistent": True}),
    (REVIEW, {"seconds": 12.5}),
    (REVIEW, {"ratings": (None, None), "criteria": {}}),
]


@pytest.mark.parametrize(("row", "change"), SAME, ids=lambda value: type(value).__name__)
def test_what_does_not(row: Row, change: dict[str, object]) -> None:
    """When and where a row was made, what it cost, and how a reply was read are not what it is."""
    assert type(row).model_validate({**fields_of(row), **change}).id == row.id


def test_a_copy_with_other_content_has_another_id() -> None:
    assert COMPARISON.id != COMPARISON.swapped().id
    assert ANSWER.id != ANSWER.model_copy(update={"text": "Magic."}).id
    assert COMPARISON.id == COMPARISON.swapped().swapped().id


def test_rows_of_different_kinds_never_share_an_id() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_record_is_read_back_as_the_same_row(row: Row) -> None:
    record = row.record()
    assert next(iter(record)) == "id"
    assert type(row).parse(record) == row
    assert type(row).parse({key: value for key, value in record.items() if key != "id"}).id == row.id


def test_a_record_that_was_changed_is_refused() -> None:
    with pytest.raises(ValueError, match="does not have the content its id says"):
        Answer.parse({**ANSWER.record(), "text": "Magic."})
    with pytest.raises(ValidationError):
        Answer.parse({**ANSWER.record(), "colour": "blue"})


def test_digest_is_stable_and_keeps_parts_apart() -> None:
    assert digest("a", 1, [None, {"b": 2.5, "a": "ü"}]) == "44b620a30fe51ede"
    assert digest("ab", "c") != digest("a", "bc")
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert len(digest("a")) == 16
    assert len(digest("a", size=16)) == 32


def test_digest_refuses_what_has_no_json_form() -> None:
    with pytest.raises(TypeError):
        digest({1, 2})
