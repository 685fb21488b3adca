"""The judge with criteria of its own: every score is said for itself, and only totals that follow are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from prefmill.generators.judges import Judge
from prefmill.generators.judges.criteria import Criteria, Criterion
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Message, Reference, Task

GOLDEN = Path(__file__).parents[2] / "golden" / "criteria"
REPLIES: list[dict[str, Any]] = [orjson.loads(line) for line in (GOLDEN / "replies.jsonl").read_bytes().splitlines()]
GOOD = [case for case in REPLIES if "scores" in case]
BAD = [case for case in REPLIES if "reason" in case]
TASK = Task(
    messages=(Message(role="system", content="Be brief."), Message(role="user", content="How many {days}?")),
    reference=Reference(text="Seven."),
)
ANSWERS = [
    Answer(task_id=TASK.id, model=f"model-{k}", text=text) for k, text in enumerate(("Seven.", "7\n\ndays", "8"))
]


def test_it_is_found_by_name() -> None:
    assert load(Judge, "criteria") is Criteria


def test_prompt_is_the_golden_one() -> None:
    system, user = Criteria().ask(TASK, ANSWERS, True)
    assert f"{system.content}\n=====\n{user.content}\n" == (GOLDEN / "prompt.txt").read_text()
    assert "Seven.\n\nResponse 1:" not in Criteria().ask(TASK, ANSWERS, False)[1].content


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][:30]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    reading = Criteria().read(case["reply"], case["answers"])
    assert list(reading.scores) == case["scores"]
    assert reading.rationale == case["rationale"]
    assert {aspect.criterion: list(aspect.scores) for aspect in reading.aspects} == case["aspects"]
    assert all(len(aspect.feedback) == case["answers"] for aspect in reading.aspects)


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][:30]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        Criteria().read(case["reply"], case["answers"])
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 150


def test_criteria_and_scales_are_the_recipes() -> None:
    judge = Criteria.model_validate({"criteria": [{"name": "Tone", "least": -2, "most": 2}, {"name": "Facts (key)"}]})
    content = judge.ask(TASK, ANSWERS[:1], False)[1].content
    assert "Evaluation Criteria:\n- Tone (-2 to 2)\n- Facts (key) (1 to 4)\n\n" in content
    reading = judge.read("Response 1 | Tone | Rude. | -2\nResponse 1 | Facts (key) | Right. | 4", 1)
    assert reading.scores == (2.0,)
    assert reading.aspects[0].scores == (-2.0,)


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ([], "at least 1 item"),
        ([{"name": "a"}, {"name": "a"}], "same name"),
        ([{"name": "a|b"}], "one line, without"),
        ([{"name": " a"}], "without blanks around"),
        ([{"name": "a", "least": 4, "most": 4}], "below the highest"),
        ([{"name": "a", "scale": 4}], "Extra inputs"),
    ],
)
def test_criteria_that_cannot_be_asked_for_are_refused(criteria: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Criteria.model_validate({"criteria": criteria})


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="no answer"):
        Criteria().ask(TASK, [], False)
    with pytest.raises(ValueError, match="no reference"):
        Criteria().ask(TASK.model_copy(update={"reference": None}), ANSWERS, True)


def test_the_golden_replies_are_of_both_kinds() -> None:
    assert Criterion(name="a").most == 4
    assert len(GOOD) >= 4
    assert len(BAD) >= 15
