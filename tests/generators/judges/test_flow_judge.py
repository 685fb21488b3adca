"""Flow-Judge's judge: upstream's prompt to the byte, three scales, and no reply read that is not what was asked for."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from prefmill.generators.judges.flow_judge import FlowJudge
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.schemas.errors import Unaskable, Unreadable
from prefmill.schemas.flow_judge_prompt import SCALES
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

GOLDEN = Path(__file__).parents[2] / "golden" / "flow_judge"
JUDGE = FlowJudge()


def _golden(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


def _rubric(scores: Sequence[int]) -> Rubric:
    levels = tuple(Level(score=score, description=f"Level {score}.") for score in scores)
    return Rubric(criteria="Is it right?", levels=levels)


def _task(question: str = "How many?", reference: str | None = None, rubric: Rubric | None = None) -> Task:
    return Task(
        messages=(Message(role="user", content=question),),
        reference=None if reference is None else Reference(text=reference),
        rubric=rubric,
    )


def _answer(task: Task, text: str) -> Answer:
    return Answer(task_id=task.id, model="m", text=text)


REPLIES = _golden("replies.jsonl")
GOOD = [case for case in REPLIES if "score" in case]
BAD = [case for case in REPLIES if "reason" in case]


def test_it_is_found_by_name_and_shows_one_answer_at_a_time() -> None:
    assert load(FlowJudge, "flow_judge") is FlowJudge
    assert FlowJudge.single


@pytest.mark.parametrize("case", _golden("prompts.jsonl"), ids=lambda case: case["question"][:20])
def test_prompt_has_upstreams_bytes(case: dict[str, Any]) -> None:
    """The golden prompts were written by flow-judge's own `format_user_prompt` at 9865fc0."""
    levels = tuple(Level(score=score, description=text) for score, text in case["levels"])
    task = _task(case["question"], case["reference"], Rubric(criteria=case["criteria"], levels=levels))
    asked = JUDGE.ask(task, [_answer(task, case["answer"])], case["reference"] is not None)
    assert asked == (Message(role="user", content=case["user"]),)


def test_a_reference_is_shown_only_when_asked_for() -> None:
    task = _task(reference="Exactly seven.", rubric=_rubric((0, 1)))
    without, shown = (JUDGE.ask(task, [_answer(task, "7")], with_it)[0].content for with_it in (False, True))
    assert "Exactly seven." not in without
    assert "<reference_answer>\nExactly seven.\n</reference_answer>\n</inputs>" in shown


@pytest.mark.parametrize("scores", [(), (0, 1, 2), (1, 2), (1, 2, 3, 4), (1, 3, 5), (0, 1, 2, 3, 4, 5), (1, 1, 2)])
def test_other_scales_cannot_be_asked_about(scores: tuple[int, ...]) -> None:
    task = _task(rubric=_rubric(scores))
    with pytest.raises(Unaskable, match=r"the levels 0, 1; 1, 2, 3; 1, 2, 3, 4, 5 \(got "):
        JUDGE.ask(task, [_answer(task, "7")], False)


def test_what_cannot_be_shown_is_refused() -> None:
    task = _task(rubric=_rubric((0, 1)))
    failed = Answer(task_id=task.id, model="broken", failure=Failure(kind="timeout", message="no reply"))
    with pytest.raises(ValueError, match="no reference"):
        JUDGE.ask(task, [_answer(task, "7")], True)
    with pytest.raises(ValueError, match="broken failed"):
        JUDGE.ask(task, [failed], False)
    with pytest.raises(Unaskable, match=r"got none"):
        JUDGE.ask(_task(), [_answer(task, "7")], False)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][:20]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    reading = JUDGE.read(case["reply"], 1)
    assert (reading.scores, reading.rationale) == ((float(case["score"]),), case["feedback"])


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][-30:]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        JUDGE.read(case["reply"], 1)
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("scale", SCALES)
def test_a_score_that_the_rubric_lacks_is_no_score(scale: tuple[int, ...]) -> None:
    for score in range(6):
        reply = f"<feedback>So.</feedback><score>{score}</score>"
        if score in scale:
            assert JUDGE.read_for(_task(rubric=_rubric(scale)), [reply], 1).scores == (score,)
        else:
            with pytest.raises(Unreadable, match=f"got {score}"):
                JUDGE.read_for(_task(rubric=_rubric(scale)), [reply], 1)


def test_a_teacher_of_the_simulated_world_replies_on_the_rubrics_scale() -> None:
    with running(WorldSettings(seed=7)) as world:
        question = _task("Which metals rust, and which do not?")
        texts = [_said(world.base_url, model, question.messages) for model in ("sim-oak-70b", "sim-pine-7b")]
        for scale in SCALES:
            task = _task("Which metals rust, and which do not?", texts[1], _rubric(scale))
            for with_reference in (False, True):
                asked = JUDGE.ask(task, [_answer(task, texts[0])], with_reference)
                said = _said(world.base_url, "sim-teacher-strong", asked)
                reading = JUDGE.read_for(task, [said], 1)
                assert reading.scores[0] in scale
                assert reading.rationale.startswith("[simulated] Response 1 ")


def _said(base_url: str, model: str, messages: Sequence[Message]) -> str:
    body = {"model": model, "messages": [message.model_dump() for message in messages]}
    request = urllib.request.Request(f"{base_url}/chat/completions", orjson.dumps(body))
    with urllib.request.urlopen(request) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])
