"""JudgeLM's judge: the prompt is upstream's to the byte, and no reply is read that has two readings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.judgelm_prompt import MOST, instruction, training_prompt
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Message, Reference, Task

GOLDEN = Path(__file__).parents[2] / "golden"


def _golden(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


def _task(*messages: tuple[str, str], reference: str | None = None) -> Task:
    return Task.model_validate(
        {
            "messages": [{"role": role, "content": content} for role, content in messages],
            "reference": None if reference is None else Reference(text=reference),
        }
    )


def _answers(task: Task, *texts: str) -> list[Answer]:
    return [Answer(task_id=task.id, model=f"model-{number}", text=text) for number, text in enumerate(texts)]


REPLIES = _golden("judgelm_replies.jsonl")
GOOD = [case for case in REPLIES if "scores" in case]
BAD = [case for case in REPLIES if "reason" in case]


def test_it_is_found_by_name() -> None:
    assert load(JudgeLM, "judgelm") is JudgeLM


@pytest.mark.parametrize("case", _golden("judgelm_prompts.jsonl"), ids=lambda case: f"{len(case['answers'])} answers")
def test_prompt_has_upstreams_bytes(case: dict[str, Any]) -> None:
    """The golden prompts were written by JudgeLM's own `Conversation` objects at 00c4516."""
    task = _task(("user", case["question"]), reference=case["reference"])
    asked = JudgeLM().ask(task, _answers(task, *case["answers"]), case["reference"] is not None)
    assert asked == (Message(role="system", content=case["system"]), Message(role="user", content=case["user"]))
    assert training_prompt(case["question"], case["answers"], case["reference"]) == case["sample"]


def test_a_reference_is_shown_only_when_asked_for() -> None:
    task = _task(("user", "How many?"), reference="Exactly seven.")
    answers = _answers(task, "six", "seven")
    without, shown = JudgeLM().ask(task, answers, False)[1].content, JudgeLM().ask(task, answers, True)[1].content
    assert "[Reference Answer]" not in without
    assert "Exactly seven." not in without
    assert "[Reference Answer]\nExactly seven.\n\n" in shown


def test_answers_are_shown_in_the_order_given() -> None:
    task = _task(("user", "How many?"))
    first, second = _answers(task, "six", "seven")
    content = JudgeLM().ask(task, [second, first], False)[1].content
    assert content.index("Assistant 1's Answer]\nseven") < content.index("Assistant 2's Answer]\nsix")


def test_earlier_turns_and_the_system_prompt_are_part_of_the_question() -> None:
    task = _task(("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi."), ("user", "Who are you?"))
    content = JudgeLM().ask(task, _answers(task, "a", "b"), False)[1].content
    expected = "[Question]\nSystem: Be brief.\n\nUser: Hello\n\nAssistant: Hi.\n\nUser: Who are you?\n\n[The Start of"
    assert content.startswith(expected)


def test_what_cannot_be_shown_is_refused() -> None:
    task = _task(("user", "How many?"))
    failed = Answer(task_id=task.id, model="broken", failure=Failure(kind="timeout", message="no reply"))
    with pytest.raises(ValueError, match="no reference"):
        JudgeLM().ask(task, _answers(task, "a", "b"), True)
    with pytest.raises(ValueError, match="broken failed"):
        JudgeLM().ask(task, [*_answers(task, "a"), failed], False)
    for number in (0, 1, MOST + 1):
        with pytest.raises(ValueError, match="2 to 19 answers"):
            JudgeLM().ask(task, _answers(task, *map(str, range(number))), False)


def test_the_instruction_names_every_answer_once() -> None:
    for number in range(2, MOST + 1):
        names = instruction(number).partition("scores for Assistant ")[2].partition(", respectively")[0]
        assert names.replace(" and ", ", ").split(", ") == [str(k) for k in range(1, number + 1)]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][:20]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    reading = JudgeLM().read(case["reply"], case["answers"])
    assert list(reading.scores) == case["scores"]
    assert reading.rationale == case["rationale"]


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][:20]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        JudgeLM().read(case["reply"], case["answers"])
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 150


def test_the_golden_replies_are_many_of_both_kinds() -> None:
    assert len(GOOD) >= 15
    assert len(BAD) >= 30
