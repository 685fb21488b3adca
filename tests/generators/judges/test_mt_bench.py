"""MT-Bench's judges: upstream's prompts to the byte, and only the mark that ends a reply counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from prefmill.generators.judges import Judge
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.judges.mt_bench_single import MTBenchSingle
from prefmill.schemas.errors import Unaskable, Unreadable
from prefmill.schemas.mt_bench_prompt import prompt
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Message, Reference, Task

GOLDEN = Path(__file__).parents[2] / "golden" / "mt_bench"
JUDGES: dict[str, Judge] = {"pair": MTBenchPair(), "single": MTBenchSingle()}


def _golden(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


REPLIES = _golden("replies.jsonl")
GOOD = [case for case in REPLIES if "scores" in case]
BAD = [case for case in REPLIES if "reason" in case]
CHAT = (("user", "1 + 1?"), ("assistant", "Two."), ("user", "And 2 + 2?"))


def _task(*messages: tuple[str, str], reference: str | None = None) -> Task:
    return Task(
        messages=tuple(Message.model_validate({"role": role, "content": content}) for role, content in messages),
        reference=None if reference is None else Reference(text=reference),
    )


def _answers(task: Task, *texts: str) -> list[Answer]:
    return [Answer(task_id=task.id, model=f"model-{number}", text=text) for number, text in enumerate(texts)]


def test_they_are_found_by_name_and_one_is_single() -> None:
    assert load(Judge, "mt_bench_pair") is MTBenchPair
    assert load(Judge, "mt_bench_single") is MTBenchSingle
    assert [judge.single for judge in JUDGES.values()] == [False, True]


@pytest.mark.parametrize("case", _golden("prompts.jsonl"), ids=lambda case: case["template"])
def test_prompt_has_upstreams_bytes(case: dict[str, Any]) -> None:
    """The golden prompts were filled in from FastChat's own `judge_prompts.jsonl` at 0e6d3e4."""
    messages = [(message["role"], message["content"]) for message in case["messages"]]
    task = _task(*messages, reference=case["reference"])
    judge = JUDGES["pair" if len(case["answers"]) == 2 else "single"]
    asked = judge.ask(task, _answers(task, *case["answers"]), case["reference"] is not None)
    assert asked == (Message(role="system", content=case["system"]), Message(role="user", content=case["user"]))
    assert prompt(task, case["answers"], case["reference"]).template == case["template"]


def test_a_reference_is_shown_only_when_asked_for() -> None:
    task = _task(("user", "2 + 2?"), reference="Exactly four.")
    assert "Exactly four." not in JUDGES["single"].ask(task, _answers(task, "4"), False)[1].content
    assert "Exactly four." in JUDGES["single"].ask(task, _answers(task, "4"), True)[1].content


def test_a_system_prompt_is_part_of_the_first_question() -> None:
    one = _task(("system", "Be brief."), ("user", "2 + 2?"))
    two = _task(("system", "Be brief."), *CHAT)
    assert (
        "[Question]\nSystem: Be brief.\n\nUser: 2 + 2?\n\n"
        in JUDGES["single"].ask(one, _answers(one, "4"), False)[1].content
    )
    shown = JUDGES["pair"].ask(two, _answers(two, "4", "5"), False)[1].content
    assert shown.count("### User:\nSystem: Be brief.\n\nUser: 1 + 1?\n\n### Assistant A:\nTwo.") == 1


@pytest.mark.parametrize("kind", JUDGES)
def test_what_cannot_be_shown_is_refused(kind: str) -> None:
    judge, number = JUDGES[kind], 2 if kind == "pair" else 1
    task, longer = _task(*CHAT), _task(*CHAT, ("assistant", "Four."), ("user", "And 4 + 4?"))
    failed = Answer(task_id=task.id, model="broken", failure=Failure(kind="timeout", message="no reply"))
    with pytest.raises(Unaskable, match="one or two turns"):
        judge.ask(longer, _answers(longer, *"ab"[:number]), False)
    with pytest.raises(ValueError, match="no reference"):
        judge.ask(task, _answers(task, *"ab"[:number]), True)
    with pytest.raises(ValueError, match="broken failed"):
        judge.ask(task, [*_answers(task, "a")[: number - 1], failed], False)
    for wrong in {0, 1, 2, 3} - {number}:
        with pytest.raises(ValueError, match="show"):
            judge.ask(task, _answers(task, *"abc"[:wrong]), False)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][-20:]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    reading = JUDGES[case["judge"]].read(case["reply"], len(case["scores"]))
    assert list(reading.scores) == case["scores"]
    assert reading.rationale == case["rationale"]


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][-20:]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        JUDGES[case["judge"]].read(case["reply"], 2 if case["judge"] == "pair" else 1)
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 150


def test_the_golden_replies_are_many_of_both_kinds() -> None:
    assert len(GOOD) >= 10
    assert len(BAD) >= 25
