"""Prometheus' judges: upstream's prompts, replies with one reading only, and the simulated world answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from prefmill.generators.judges import Judge
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.judges.prometheus_relative import PrometheusRelative
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.schemas.errors import Unaskable, Unreadable
from prefmill.schemas.plugins import load
from prefmill.schemas.prometheus_prompt import Version
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

GOLDEN = Path(__file__).parents[2] / "golden"
LEVELS = tuple(Level(score=score, description=f"level {score}") for score in range(1, 6))
RUBRIC = Rubric(criteria="Is it right?", levels=LEVELS)
QUESTION = "Which metals rust, and which do not?"


def _golden(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


REPLIES = _golden("prometheus_replies.jsonl")
GOOD = [case for case in REPLIES if "result" in case]
BAD = [case for case in REPLIES if "reason" in case]


def _task(
    question: str = "How many?", reference: str | None = None, rubric: Rubric | None = RUBRIC, system: str = ""
) -> Task:
    messages = [Message(role="system", content=system)] if system else []
    return Task(
        messages=(*messages, Message(role="user", content=question)),
        reference=None if reference is None else Reference(text=reference),
        rubric=rubric,
    )


def _answers(task: Task, *texts: str) -> list[Answer]:
    return [Answer(task_id=task.id, model=f"model-{number}", text=text) for number, text in enumerate(texts)]


def _judge(mode: str) -> Judge:
    return PrometheusAbsolute() if mode == "absolute" else PrometheusRelative()


def test_they_are_found_by_name() -> None:
    assert load(Judge, "prometheus_absolute") is PrometheusAbsolute
    assert load(Judge, "prometheus_relative") is PrometheusRelative
    assert (PrometheusAbsolute.single, PrometheusRelative.single) == (True, False)


@pytest.mark.parametrize("case", _golden("prometheus_prompts.jsonl"), ids=lambda case: case["template"])
def test_messages_are_the_system_prompt_and_the_filled_template(case: dict[str, Any]) -> None:
    levels = tuple(Level(score=score, description=text) for score, text in enumerate(case["levels"], start=1))
    task = _task(case["question"], case["reference"], Rubric(criteria=case["criteria"], levels=levels))
    kind = PrometheusAbsolute if len(case["answers"]) == 1 else PrometheusRelative
    asked = kind(template=case["template"]).ask(task, _answers(task, *case["answers"]), case["reference"] is not None)
    assert asked == (Message(role="system", content=case["system"]), Message(role="user", content=case["prompt"]))


def test_a_reference_is_shown_only_when_asked_for() -> None:
    task = _task(reference="Exactly seven.")
    for judge, answers in ((PrometheusAbsolute(), ("six",)), (PrometheusRelative(), ("six", "seven"))):
        shown, hidden = (judge.ask(task, _answers(task, *answers), flag)[1].content for flag in (True, False))
        assert "\nExactly seven.\n" in shown
        assert "Exactly seven." not in hidden


def test_the_system_prompt_is_part_of_the_instruction() -> None:
    task = _task(system="Be brief.")
    content = PrometheusAbsolute().ask(task, _answers(task, "six"), False)[1].content
    assert "to evaluate:\nSystem: Be brief.\n\nUser: How many?\n\n###Response" in content


@pytest.mark.parametrize(
    ("template", "rubric", "reference", "texts", "message"),
    [
        ("training", None, None, ("a",), "no rubric"),
        ("training", None, None, ("a", "b"), "no rubric"),
        ("training", Rubric(criteria="c"), None, ("a",), r"each score from 1 to 5 \(got \[\]\)"),
        ("training", Rubric(criteria="c", levels=LEVELS[:4]), None, ("a",), r"got \[1, 2, 3, 4\]"),
        ("evaluation", RUBRIC, "r", ("a",), "shows no reference"),
        ("evaluation", RUBRIC, "r", ("a", "b"), "shows no reference"),
        ("training", RUBRIC, "r", ("a", "b"), "shows no reference"),
        ("training", RUBRIC, None, ("a", "b", "c"), "compares two responses"),
    ],
)
def test_tasks_that_cannot_be_asked_about(
    template: Version, rubric: Rubric | None, reference: str | None, texts: tuple[str, ...], message: str
) -> None:
    task = _task(reference=reference, rubric=rubric)
    judge = PrometheusAbsolute(template=template) if len(texts) == 1 else PrometheusRelative(template=template)
    with pytest.raises(Unaskable, match=message):
        judge.ask(task, _answers(task, *texts), reference is not None)


def test_a_criterion_is_enough_for_two_answers() -> None:
    task = _task(rubric=Rubric(criteria="Is it right?"))
    assert "[Is it right?]" in PrometheusRelative().ask(task, _answers(task, "a", "b"), False)[1].content


def test_what_cannot_be_shown_is_refused() -> None:
    task = _task()
    failed = Answer(task_id=task.id, model="broken", failure=Failure(kind="timeout", message="no reply"))
    with pytest.raises(ValueError, match="no reference"):
        PrometheusAbsolute().ask(task, _answers(task, "a"), True)
    with pytest.raises(ValueError, match="broken failed"):
        PrometheusRelative().ask(task, [*_answers(task, "a"), failed], False)
    with pytest.raises(ValueError, match="one response at a time"):
        PrometheusAbsolute().ask(task, _answers(task, "a", "b"), False)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][:25]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    scores = {"A": (1.0, 0.0), "B": (0.0, 1.0)}.get(case["result"]) or (float(case["result"]),)
    reading = _judge(case["mode"]).read(case["reply"], len(scores))
    assert reading.scores == scores
    assert reading.rationale == case["feedback"]


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][:25]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        _judge(case["mode"]).read(case["reply"], 1 if case["mode"] == "absolute" else 2)
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 150


def test_the_golden_replies_are_many_of_both_kinds() -> None:
    assert len(GOOD) >= 10
    assert len(BAD) >= 40


@pytest.fixture(name="base_url", scope="module")
def _base_url() -> Iterator[str]:
    with running(WorldSettings(seed=24)) as world:
        yield world.base_url


@pytest.fixture(name="texts", scope="module")
def _texts(base_url: str) -> tuple[str, str]:
    """A better and a worse answer of the world."""
    asked = (Message(role="user", content=QUESTION),)
    return _say(base_url, "sim-oak-70b", asked), _say(base_url, "sim-pine-7b", asked)


def _say(base_url: str, model: str, messages: tuple[Message, ...]) -> str:
    async def said() -> str:
        body = {"model": model, "messages": [message.model_dump() for message in messages]}
        async with aiohttp.ClientSession() as session, session.post(f"{base_url}/chat/completions", json=body) as reply:
            assert reply.status == 200
            return str((await reply.json())["choices"][0]["message"]["content"])

    return asyncio.run(said())


@pytest.mark.parametrize("template", ["training", "evaluation", "package-0.1.20", "package-dcfb442"])
def test_the_simulated_world_replies_in_the_form_asked_for(
    base_url: str, template: Version, texts: tuple[str, str]
) -> None:
    task = _task(QUESTION)
    answers = _answers(task, *texts)
    absolute, relative = PrometheusAbsolute(template=template), PrometheusRelative(template=template)
    scores: list[float] = []
    for answer in answers:
        asked = absolute.ask(task, [answer], False)
        reply = _say(base_url, "sim-teacher-perfect", asked)
        assert reply.startswith("Feedback: ") == ('"Feedback: (write' in asked[1].content)
        reading = absolute.read(reply, 1)
        assert reading.rationale.startswith("[simulated] The response ")
        scores += reading.scores
    assert 5 >= scores[0] > scores[1] >= 1
    for shown, winner in ((answers, 0), (answers[::-1], 1)):
        reading = relative.read(_say(base_url, "sim-teacher-perfect", relative.ask(task, shown, False)), 2)
        assert reading.scores.index(1.0) == winner
        assert "Response A" in reading.rationale


def test_a_reference_by_a_model_of_the_world_is_not_graded(base_url: str, texts: tuple[str, str]) -> None:
    task = _task(QUESTION, reference=texts[0])
    for judge, shown in ((PrometheusAbsolute(), texts[1:]), (PrometheusRelative(), texts)):
        messages = judge.ask(task, _answers(task, *shown), True)
        assert judge.read(_say(base_url, "sim-teacher-perfect", messages), len(shown)).scores
