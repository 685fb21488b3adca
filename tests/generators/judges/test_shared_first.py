"""What prompts share stands first where a recipe wants it: the same parts, and every simulated teacher reads them."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator

import pytest

from prefmill.generators.judges import Judge
from prefmill.generators.judges.criteria import Criteria
from prefmill.generators.judges.flow_judge import FlowJudge
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.judges.prometheus_relative import PrometheusRelative
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.schemas.rows import Answer, Message, Task
from prefmill.schemas.rubric import Level, Rubric

RUBRIC = Rubric(
    criteria="Is the answer right, and does it say how it was found?",
    levels=tuple(Level(score=score, description=f"what a {score} means, at some length") for score in range(1, 6)),
)
JUDGES = (JudgeLM, Criteria, PrometheusRelative, PrometheusAbsolute, FlowJudge)


def prompt(judge: Judge, number: int) -> str:
    question = f"Question number {number}, which nobody else asks?"
    task = Task(messages=(Message(role="user", content=question),), rubric=RUBRIC)
    answers = [
        Answer(task_id=task.id, model=f"m{place}", text=f"Answer {place} to {number}.")
        for place in range(1 if judge.single else 2)
    ]
    return "\n".join(message.content for message in judge.ask(task, answers, False))


def common(one: str, other: str) -> int:
    """Characters that two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


@pytest.mark.parametrize("kind", JUDGES)
def test_prompts_share_their_beginning(kind: type[Judge]) -> None:
    published, laid = kind(), kind.model_validate({"shared_first": True})
    shared = [common(prompt(judge, 1), prompt(judge, 2)) for judge in (published, laid)]
    differs = len("Question number 1, which nobody else asks?Answer 1 to 1.Answer 2 to 1.")
    assert shared[1] > shared[0] + 50
    assert len(prompt(laid, 1)) - shared[1] < differs + 150
    assert Counter(prompt(laid, 1).split()) - Counter(prompt(published, 1).split()) in (Counter(), Counter(["below."]))


@pytest.mark.parametrize("kind", JUDGES)
def test_the_simulated_world_reads_them(kind: type[Judge], base_url: str) -> None:
    """A teacher that never errs names the same answer, wherever the request stands."""
    asked = (Message(role="user", content="Which metals rust, and which do not?"),)
    task = Task(messages=asked, rubric=RUBRIC)
    answers = [
        Answer(task_id=task.id, model=model, text=said(base_url, model, asked))
        for model in ("sim-oak-70b", "sim-elm-9b")
    ]
    shown = answers[:1] if kind.single else answers
    scores = []
    for judge in (kind(), kind.model_validate({"shared_first": True})):
        reply = said(base_url, "sim-teacher-perfect", judge.ask(task, shown, False))
        scores.append(judge.read_for(task, [reply], len(shown)).scores)
    best = [max(range(len(shown)), key=some.__getitem__) for some in scores]
    assert best[0] == best[1]


@pytest.fixture(name="base_url", scope="module")
def _base_url() -> Iterator[str]:
    with running(WorldSettings(seed=24)) as world:
        yield world.base_url


def said(base_url: str, model: str, messages: tuple[Message, ...]) -> str:
    body = {"model": model, "messages": [message.model_dump() for message in messages]}
    request = urllib.request.Request(
        f"{base_url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return str(json.loads(reply.read())["choices"][0]["message"]["content"])
