"""PandaLM's judge: upstream's prompt to the byte, and nothing counts as a tie but a tie."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from prefmill.generators.judges.pandalm import PandaLM
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_winner
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.pandalm_prompt import FORM, read_prompt, target, with_input
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Message, Reference, Task, Winner

GOLDEN = Path(__file__).parents[2] / "golden" / "pandalm"
JUDGE = PandaLM()
WINNERS: dict[str, Winner] = {"1": "first", "2": "second", "Tie": "tie"}


def _golden(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


def _task(question: str, reference: str | None = None) -> Task:
    return Task(
        messages=(Message(role="user", content=question),),
        reference=None if reference is None else Reference(text=reference),
    )


def _answers(task: Task, *texts: str) -> list[Answer]:
    return [Answer(task_id=task.id, model=f"m{number}", text=text) for number, text in enumerate(texts)]


REPLIES = _golden("replies.jsonl")
GOOD = [case for case in REPLIES if "scores" in case]
BAD = [case for case in REPLIES if "reason" in case]


def test_it_is_found_by_name() -> None:
    assert load(PandaLM, "pandalm") is PandaLM


@pytest.mark.parametrize("case", _golden("prompts.jsonl"), ids=lambda case: case["instruction"])
def test_prompt_and_target_have_upstreams_bytes(case: dict[str, Any]) -> None:
    """The golden prompts were written by PandaLM's own `build_pandalm_prompt` at 3871806."""
    task = _task(with_input(case["instruction"], case["input"]))
    system, asked = JUDGE.ask(task, _answers(task, *case["responses"]), False)
    assert system == Message(role="system", content=FORM)
    assert asked == Message(role="user", content=case["input_sequence"])
    assert target(WINNERS[case["result"]], case["reason"], case["reference"]) == case["output_sequence"]
    assert read_prompt(case["input_sequence"])[0] == task.instruction


def test_a_model_trained_on_the_prompt_is_not_told_how_to_reply() -> None:
    task = _task("Say hello.")
    asked = PandaLM(explain=False).ask(task, _answers(task, "Hello.", "Hi."), False)
    assert [message.role for message in asked] == ["user"]


def test_a_reference_is_never_shown() -> None:
    task = _task("Say hello.", "Hello.")
    assert JUDGE.asks_with_reference(task) == (False,)
    with pytest.raises(ValueError, match="no place for a reference"):
        JUDGE.ask(task, _answers(task, "Hello.", "Hi."), True)
    with pytest.raises(ValidationError, match="never"):
        PandaLM.model_validate({"reference": "both"})


def test_what_cannot_be_shown_is_refused() -> None:
    task = _task("Say hello.")
    failed = Answer(task_id=task.id, model="broken", failure=Failure(kind="timeout", message="no reply"))
    with pytest.raises(ValueError, match="broken failed"):
        JUDGE.ask(task, [*_answers(task, "Hi."), failed], False)
    for number in (1, 3):
        with pytest.raises(ValueError, match="compares two responses"):
            JUDGE.ask(task, _answers(task, *["Hi."] * number), False)
        with pytest.raises(ValueError, match="compares two responses"):
            JUDGE.read(GOOD[0]["reply"], number)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][:20]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    reading = JUDGE.read(case["reply"], 2)
    assert (list(reading.scores), reading.rationale) == (case["scores"], case["rationale"])


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][:40]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        JUDGE.read(case["reply"], 2)
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 200


def test_a_teacher_of_the_simulated_world_replies_as_asked() -> None:
    settings = WorldSettings(seed=24)
    with running(settings) as world:
        task = _task("Which metals rust, and which do not?")
        better, worse = (_said(world.base_url, model, task.messages) for model in ("sim-oak-70b", "sim-pine-7b"))
        assert true_winner(settings, better, worse) == "first"
        scores = []
        for texts in ((better, worse), (worse, better), (better, better)):
            for judge in (JUDGE, PandaLM(explain=False)):
                asked = judge.ask(task, _answers(task, *texts), False)
                reading = judge.read(_said(world.base_url, "sim-teacher-perfect", asked), 2)
                assert reading.rationale.startswith("[simulated] Response ")
                scores.append(reading.scores)
    assert scores == [(1, 0), (1, 0), (0, 1), (0, 1), (0.5, 0.5), (0.5, 0.5)]


def _said(base_url: str, model: str, messages: Sequence[Message]) -> str:
    body = {"model": model, "messages": [message.model_dump() for message in messages]}
    request = urllib.request.Request(f"{base_url}/chat/completions", orjson.dumps(body))
    with urllib.request.urlopen(request) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])
