"""Answers that aim at scores, over a real socket: which are asked for, under which numbers, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from prefmill.generators.authoring.aimed import Aim
from prefmill.generators.comparisons import Compare
from prefmill.generators.ledger import Ledger
from prefmill.pipelines.answering import Answering
from prefmill.pipelines.pairing import Pairing
from prefmill.pipelines.stages import Answered, Seed
from prefmill.schemas.row import Usage
from prefmill.schemas.rows import Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

from .conftest import Endpoint, Endpoints

QUESTION = (Message(role="user", content="Why?"),)


def task(*scores: int) -> Task:
    levels = tuple(Level(score=score, description=f"A {score}.") for score in scores)
    reference = Reference(text="Because it is so.")
    return Task(messages=QUESTION, rubric=Rubric(criteria="Is it right?", levels=levels), reference=reference)


FIVE = task(1, 2, 3, 4, 5)


def answer(server: Endpoint, aim: Aim | None, of: Task, *entries: dict[str, Any]) -> Answered:
    async def work() -> Answered:
        async with server.callers(*entries) as callers:
            return await Answering(callers, (), aim)(Seed(0, of))

    return asyncio.run(work())


def slots(made: Answered) -> list[tuple[str, int, int | None]]:
    return [(one.model, one.sample, one.intended) for one in made.answers]


def target(body: Mapping[str, Any]) -> str:
    prompt: str = body["messages"][-1]["content"]
    return prompt.partition("Target score: ")[2].partition("\n")[0]


def test_every_model_answers_for_every_score_in_every_sample(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: f"{body['model']} {target(body)}")
    entries = {"model": "a", "samples": 2, "sampling": {"seed": 100}}, {"model": "b"}
    made = answer(server, Aim(scores=(1, 5, 3), words=40), FIVE, *entries)
    assert slots(made) == [
        ("a", 0, 1), ("a", 1, 5), ("a", 2, 3), ("a", 3, 1), ("a", 4, 5), ("a", 5, 3),
        ("b", 0, 1), ("b", 1, 5), ("b", 2, 3),
    ]  # fmt: skip
    assert [one.text for one in made.answers] == [f"{one.model} {one.intended} of 1 to 5" for one in made.answers]
    assert len({one.id for one in made.answers}) == len(made.usable) == 9
    assert made.losses == ()
    # Each has a seed of its own, and is asked for no other way but with its score.
    asked = sorted((body["seed"], target(body)[0]) for body in server.heard if body["model"] == "a")
    assert asked == [(100, "1"), (101, "5"), (102, "3"), (103, "1"), (104, "5"), (105, "3")]
    assert all("Length: about 40 words" in body["messages"][-1]["content"] for body in server.heard)
    assert not any("Because it is so." in body["messages"][-1]["content"] for body in server.heard)


def test_without_an_aim_nothing_is_intended(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: "So.")
    assert slots(answer(server, None, FIVE, {"model": "a", "samples": 2})) == [("a", 0, None), ("a", 1, None)]
    assert [body["messages"] for body in server.heard] == [[{"role": "user", "content": "Why?"}]] * 2


def test_one_more_sample_asks_only_for_what_is_new(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: f"To {target(body)}")
    first = answer(server, Aim(), FIVE, {"model": "a"})
    more = answer(server, Aim(), FIVE, {"model": "a", "samples": 2})
    assert more.answers[:5] == first.answers
    assert len(server.heard) == 10


def test_a_fresh_sample_has_a_number_that_no_other_answer_has(endpoint: Endpoints) -> None:
    """Of two samples for two scores, the first answer to score 5 is empty twice."""
    server = endpoint(lambda body: "" if body["seed"] in (11, 15) else f"text {body['seed']}")
    entry = {"model": "a", "samples": 2, "sampling": {"seed": 10}}
    made = answer(server, Aim(scores=(1, 5)), FIVE, entry)
    assert slots(made) == [("a", 0, 1), ("a", 1, 5), ("a", 2, 1), ("a", 3, 5)]
    assert [one.text for one in made.answers] == ["text 10", "text 19", "text 12", "text 13"]
    assert [one.usage.calls for one in made.answers] == [1, 3, 1, 1]
    with Ledger.open(server.path / "ledger.sqlite") as ledger:
        numbers = [call.sample for call in ledger.of_task(FIVE.id)]
    assert sorted(numbers) == [0, 1, 2, 3, 5, 9]


def test_a_score_that_the_rubric_does_not_describe_is_a_failed_answer(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: "So.")
    made = answer(server, Aim(scores=(1, 4)), task(1, 2, 3), {"model": "a"}, {"model": "b"})
    assert slots(made) == [("a", 0, 1), ("a", 1, 4), ("b", 0, 1), ("b", 1, 4)]
    failed = [one for one in made.answers if one.failure]
    assert {(one.intended, one.text, one.usage) for one in failed} == {(4, None, Usage())}
    assert [(loss.status, loss.by, loss.reason, loss.detail) for loss in made.losses] == [
        ("failed", model, "unaskable", "the rubric does not say what score 4 means (scores described: 1, 2, 3)")
        for model in "ab"
    ]
    assert len(server.heard) == 2
    paired = asyncio.run(Pairing(Compare(pairs="all"), 1)(Seed(0, task(1, 2, 3)), made))
    assert (paired.wanted, len(paired.comparisons), len(paired.losses)) == (6, 1, 5)


def test_a_task_without_a_rubric_has_no_answers_that_aim(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: "So.")
    made = answer(server, Aim(scores=(1, 2)), Task(messages=QUESTION), {"model": "a"})
    assert (made.usable, server.heard) == (frozenset(), [])
    assert [loss.reason for loss in made.losses] == ["unaskable"] * 2
