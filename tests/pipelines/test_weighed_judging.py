"""Token probabilities from the endpoint to the verdict, over real sockets and a real ledger."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from math import log
from typing import Any

import pytest

from prefmill.generators.comparisons import Compare
from prefmill.generators.judges import Judge
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.ledger import Ledger
from prefmill.generators.probabilities import unpacked
from prefmill.generators.protocols import Protocol
from prefmill.generators.protocols.both_orders import BothOrders
from prefmill.generators.protocols.expected_score import ExpectedScore
from prefmill.pipelines.judging import Judging
from prefmill.pipelines.pairing import Pairing
from prefmill.pipelines.stages import Answered, Judged, Paired, Seed
from prefmill.schemas.rows import Answer, Message, Task

from .conftest import Completion, Endpoint, Endpoints

TASK = Task(source_id="q", messages=(Message(role="user", content="Why?"),))
SEED = Seed(0, TASK)
ANSWERS = tuple(Answer(task_id=TASK.id, model=model, text=f"{model} says so") for model in "ab")
PAIR = Answered(ANSWERS, frozenset(answer.id for answer in ANSWERS))
Places = Sequence[tuple[str, dict[str, float]]]
"""Tokens, each with the probabilities of its alternatives."""


def with_logprobs(completion: Completion, places: Places) -> dict[str, Any]:
    """A completion as OpenAI's API sends it where `logprobs` is true."""

    def entry(text: str, chance: float) -> dict[str, Any]:
        return {"token": text, "logprob": log(chance), "bytes": list(text.encode())}

    content = []
    for text, others in places:
        chances = {text: 1 - sum(others.values()), **others}
        listed = [entry(*item) for item in sorted(chances.items(), key=lambda item: -item[1])]
        content.append({**entry(text, chances[text]), "top_logprobs": listed})
    body = completion("".join(text for text, _ in places))
    body["choices"][0]["logprobs"] = {"content": content, "refusal": None}
    return body


async def judged(server: Endpoint, judge: Judge, protocol: Protocol, **entry: Any) -> tuple[Paired, Judged, int]:  # noqa: ANN401 - a recipe entry
    """What is judged, and how many calls were found in the ledger."""
    paired = await Pairing(Compare(), 1)(SEED, PAIR)
    async with server.callers({"model": "t", **entry}) as callers:
        made = await Judging(judge, protocol, {"t": callers[0]})(SEED, PAIR, paired)
        return paired, made, callers[0].tally.found


SCORES: Places = [("6", {"7": 0.4, "5": 0.1}), (" ", {}), ("6", {"5": 0.2}), ("\n", {}), ("Because 6 is fair.", {})]


def test_weighed_scores_settle_what_plain_ones_leave_open(endpoint: Endpoints, completion: Completion) -> None:
    server = endpoint(lambda _: with_logprobs(completion, SCORES))
    _, made, _ = asyncio.run(judged(server, JudgeLM(), ExpectedScore(orders="one")))
    (judgment,), (verdict,) = made.judgments, made.verdicts
    assert (judgment.scores, judgment.rationale) == ((6, 6), "Because 6 is fair.")
    assert judgment.expected == pytest.approx((6.3, 5.8))
    assert (verdict.winner, verdict.flags) == ("first", ())
    assert verdict.margin == pytest.approx(0.5)
    (body,) = server.heard
    assert (body["logprobs"], body["top_logprobs"]) == (True, 20)


def test_nobody_else_asks_for_probabilities_or_keeps_them(endpoint: Endpoints, completion: Completion) -> None:
    """Some servers send them unasked; and what was asked without them is another call."""
    server = endpoint(lambda _: with_logprobs(completion, SCORES))
    _, made, _ = asyncio.run(judged(server, JudgeLM(), BothOrders()))
    assert [judgment.expected for judgment in made.judgments] == [None, None]
    assert not any("logprobs" in body for body in server.heard)
    with Ledger.open(server.path / "ledger.sqlite") as ledger:
        assert [call.probabilities for call in ledger.of_task(TASK.id)] == [None, None]
    _, _, found = asyncio.run(judged(server, JudgeLM(), ExpectedScore()))
    assert (found, len(server.heard)) == (0, 4)


def test_they_are_read_again_from_the_ledger_with_another_reader(endpoint: Endpoints, completion: Completion) -> None:
    said: Places = [("6 5\nIt is [[", {}), ("A", {"B": 0.25}), ("]]", {})]
    server = endpoint(lambda _: with_logprobs(completion, said))
    _, made, found = asyncio.run(judged(server, MTBenchPair(), ExpectedScore()))
    assert [judgment.expected for judgment in made.judgments] == [(0.75, 0.25)] * 2
    assert found == 0
    _, again, found = asyncio.run(judged(server, MTBenchPair(), ExpectedScore()))
    assert (again, found, len(server.heard)) == (made, 2, 2)

    class Stricter(MTBenchPair):
        """Another reader of the same replies."""

        @classmethod
        def plugin_name(cls) -> str:
            return "mt_bench_pair"

        def read(self, reply: str, answers: int) -> Any:  # noqa: ANN401 - as the judge's own
            return super().read(reply.replace("[[B]]", "[[C]]"), answers)

    _, again, found = asyncio.run(judged(server, Stricter(), ExpectedScore()))
    assert [judgment.expected for judgment in again.judgments] == [(0.875, 0.125)] * 2
    assert (found, len(server.heard)) == (2, 2)
    with Ledger.open(server.path / "ledger.sqlite") as ledger:
        kept = [call.probabilities for call in ledger.of_task(TASK.id)]
    assert [[token.text for token in unpacked(one or b"")] for one in kept] == [[text for text, _ in said]] * 2


@pytest.mark.parametrize("logprobs", [None, {"content": None}, {"content": []}, {"content": [{"token": "6"}]}, "none"])
def test_an_endpoint_without_them_is_flagged(endpoint: Endpoints, completion: Completion, logprobs: object) -> None:
    def says(_: object) -> dict[str, Any]:
        body = completion("8 3\nSo.")
        body["choices"][0]["logprobs"] = logprobs
        return body

    _, made, _ = asyncio.run(judged(endpoint(says), JudgeLM(), ExpectedScore(orders="one")))
    (judgment,), (verdict,) = made.judgments, made.verdicts
    assert (judgment.scores, judgment.expected) == ((8, 3), None)
    assert (verdict.winner, verdict.margin, verdict.flags) == ("first", 5, ("no_probabilities",))


def test_probabilities_of_another_text_are_none(endpoint: Endpoints, completion: Completion) -> None:
    def says(_: object) -> dict[str, Any]:
        body = with_logprobs(completion, SCORES)
        body["choices"][0]["message"]["content"] = "8 3\nSo."
        return body

    _, made, _ = asyncio.run(judged(endpoint(says), JudgeLM(), ExpectedScore(orders="one")))
    assert (made.judgments[0].expected, made.verdicts[0].flags) == (None, ("no_probabilities",))


def test_an_endpoint_that_refuses_the_parameter_is_a_failed_judgment(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: 400 if "logprobs" in body else "8 3")
    _, made, _ = asyncio.run(judged(server, JudgeLM(), ExpectedScore()))
    assert [one.failure.kind for one in made.judgments if one.failure] == ["rejected", "rejected"]
    (verdict,) = made.verdicts
    assert verdict.failure is not None
    assert verdict.failure.kind == "no_judgment"


def test_a_fresh_sample_is_asked_with_them_too(endpoint: Endpoints, completion: Completion) -> None:
    server = endpoint(lambda _: with_logprobs(completion, SCORES) if len(server.heard) > 1 else "I like both.")
    _, made, _ = asyncio.run(judged(server, JudgeLM(), ExpectedScore(orders="one")))
    assert (made.judgments[0].sample, made.verdicts[0].flags) == (1, ("asked_again",))
    assert made.judgments[0].expected == pytest.approx((6.3, 5.8))
    assert all(body["logprobs"] for body in server.heard)


def test_a_ledger_of_before_goes_on(endpoint: Endpoints, completion: Completion) -> None:
    """Its calls are found, and it takes new ones with probabilities."""
    server = endpoint(lambda body: with_logprobs(completion, SCORES) if "logprobs" in body else "8 3")
    asyncio.run(judged(server, JudgeLM(), BothOrders()))
    with sqlite3.connect(server.path / "ledger.sqlite") as old:
        old.execute("ALTER TABLE calls DROP COLUMN probabilities")
    old.close()
    _, made, found = asyncio.run(judged(server, JudgeLM(), BothOrders()))
    assert ([one.scores for one in made.judgments], found) == ([(8, 3)] * 2, 2)
    _, made, found = asyncio.run(judged(server, JudgeLM(), ExpectedScore()))
    assert all(one.expected for one in made.judgments)
    assert (found, len(server.heard)) == (0, 4)
