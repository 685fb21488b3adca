"""The stages over real sockets and a real ledger: what they make of good, bad and missing replies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from prefmill.curation.filters.empty_answers import EmptyAnswers
from prefmill.curation.filters.minimum_margin import MinimumMargin
from prefmill.curation.filters.order_inconsistent import OrderInconsistent
from prefmill.curation.filters.truncated_answers import TruncatedAnswers
from prefmill.generators.calls import FRESH_TEMPERATURE, Caller
from prefmill.generators.comparisons import Compare
from prefmill.generators.judges import Judge, Reading
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.protocols.both_orders import BothOrders
from prefmill.generators.protocols.one_order import OneOrder
from prefmill.pipelines.answering import EMPTY_AGAIN, Answering
from prefmill.pipelines.curating import Curating
from prefmill.pipelines.judging import Judging
from prefmill.pipelines.pairing import Pairing
from prefmill.pipelines.stages import Answered, Curated, Judged, Paired, Seed
from prefmill.schemas.errors import EndpointError, Unreadable
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Loss, Message, Task

from .conftest import ENTRY, Completion, Endpoint, Endpoints

TASK = Task(source_id="q", messages=(Message(role="user", content="Why?"),))
SEED = Seed(0, TASK)


def answer(model: str, text: str | None, sample: int = 0) -> Answer:
    failure = None if text is not None else Failure(kind="timeout", message="no reply within 5 s")
    return Answer(task_id=TASK.id, model=model, sample=sample, text=text, failure=failure)


def answered(*answers: Answer) -> Answered:
    return Answered(answers, frozenset(one.id for one in answers if one.failure is None))


def test_answers_come_in_recipe_order_whoever_is_first(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: f"{body['model']} says {len(server.heard)}")

    async def work() -> Answered:
        async with server.callers(
            {"model": "a", "samples": 2}, {"model": "b", "name": "bee", "family": "f"}
        ) as callers:
            return await Answering(callers, ())(SEED)

    made = asyncio.run(work())
    assert [(one.model, one.sample, one.family, one.origin) for one in made.answers] == [
        ("a", 0, None, "openai"),
        ("a", 1, None, "openai"),
        ("bee", 0, "f", "openai"),
    ]
    assert len({one.id for one in made.answers}) == 3
    assert made.usable == {one.id for one in made.answers}
    assert made.losses == ()
    assert all(one.usage.calls == 1 and one.finish_reason == "stop" for one in made.answers)


def test_a_line_that_is_no_task_makes_nothing(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: "x")
    loss = Loss(stage="tasks", status="failed", row_id="f:1", reason="malformed")

    async def work() -> list[object]:
        async with server.callers({"model": "a"}) as callers:
            seed = Seed(0, None, (loss,))
            made = await Answering(callers, ())(seed)
            paired = await Pairing(Compare(), 1)(seed, made)
            judged = await Judging(JudgeLM(), OneOrder(), {"a": callers[0]})(seed, made, paired)
            return [made, paired, judged, await Curating(())(seed, made, paired, judged)]

    assert asyncio.run(work()) == [Answered(), Paired(), Judged(), Curated()]
    assert server.heard == []


def test_an_empty_answer_is_asked_again_as_a_fresh_sample(endpoint: Endpoints) -> None:
    """Of two samples, the second one's first two replies are empty."""
    server = endpoint(lambda body: "" if body["seed"] in (11, 13) else f"text {body['seed']}")
    sampling = {"seed": 10, "temperature": 0.1}

    async def work() -> Answered:
        async with server.callers({"model": "a", "samples": 2, "sampling": sampling}) as callers:
            return await Answering(callers, ())(SEED)

    made = asyncio.run(work())
    assert [one.text for one in made.answers] == ["text 10", "text 15"]
    assert [one.sample for one in made.answers] == [0, 1]
    assert [one.usage.calls for one in made.answers] == [1, 3]
    asked = sorted((body["seed"], body["temperature"]) for body in server.heard)
    assert asked == [(10, 0.1), (11, 0.1), (13, FRESH_TEMPERATURE), (15, FRESH_TEMPERATURE)]


def test_an_answer_that_stays_empty_or_fails_is_a_loss_with_its_reason(endpoint: Endpoints) -> None:
    said: dict[str, object] = {"good": "x", "empty": " ", "down": 503, "wrong": 400}
    server = endpoint(lambda body: said[body["model"]])

    async def work() -> Answered:
        async with server.callers(*({"model": model} for model in said)) as callers:
            return await Answering(callers, ())(SEED)

    made = asyncio.run(work())
    good, *failed = made.answers
    assert made.usable == {good.id}
    kinds = [("empty", "empty"), ("down", "server_error"), ("wrong", "rejected")]
    assert [(one.model, one.failure.kind) for one in failed if one.failure] == kinds
    assert [(loss.status, loss.row_id, loss.by, loss.reason) for loss in made.losses] == [
        ("failed", one.id, model, kind) for one, (model, kind) in zip(failed, kinds, strict=True)
    ]
    assert [sum(body["model"] == model for body in server.heard) for model in said] == [1, EMPTY_AGAIN + 1, 2, 1]


def test_the_first_filter_that_objects_drops_an_answer(endpoint: Endpoints, completion: Completion) -> None:
    server = endpoint(lambda body: completion("\u200b" if body["model"] == "both" else "x", "length"))

    async def work() -> Answered:
        async with server.callers({"model": "both"}, {"model": "cut"}) as callers:
            return await Answering(callers, (EmptyAnswers(), MinimumMargin(margin=1), TruncatedAnswers()))(SEED)

    made = asyncio.run(work())
    assert made.usable == frozenset()
    assert [(loss.status, loss.row_id, loss.by, loss.reason) for loss in made.losses] == [
        ("dropped", made.answers[0].id, "empty_answers", "empty_answers"),
        ("dropped", made.answers[1].id, "truncated_answers", "truncated_answers"),
    ]
    assert [one.failure for one in made.answers] == [None, None]


def test_pairs_are_drawn_among_usable_answers() -> None:
    made = answered(answer("a", "x"), answer("b", None), answer("c", "y"), answer("d", "z"))
    paired = asyncio.run(Pairing(Compare(pairs="all"), 5)(SEED, made))
    assert paired.wanted == 6
    assert {frozenset(one.models) for one in paired.comparisons} == {frozenset(pair) for pair in ("ac", "ad", "cd")}
    assert [loss.reason for loss in paired.losses] == ["no_usable_pair"] * 3


PAIR = answered(answer("a", "first answer"), answer("b", "second answer"))


class Lenient(JudgeLM):
    """Reads the last two characters that are digits, wherever they stand: another reader of the same replies."""

    def read(self, reply: str, answers: int) -> Reading:
        digits = [float(character) for character in reply if character.isdigit()][-answers:]
        if len(digits) != answers:
            raise Unreadable("no digits")
        return Reading(tuple(digits), "")


async def judged(
    server: Endpoint, judge: Judge, protocol: OneOrder | BothOrders, entries: Sequence[dict[str, Any]]
) -> tuple[Paired, Judged, list[Caller]]:
    paired = await Pairing(Compare(), 1)(SEED, PAIR)
    async with server.callers(*entries) as callers:
        teachers = {caller.provider.label: caller for caller in callers}
        return paired, await Judging(judge, protocol, teachers)(SEED, PAIR, paired), callers


MARGIN = MinimumMargin(margin=0.5)
TEACHER = {"model": "t", "sampling": {"temperature": 0, "seed": 40}}


def test_a_judgment_is_read_with_its_text_and_usage(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: "8 3\nThe first is better.")
    paired, made, _ = asyncio.run(judged(server, JudgeLM(), BothOrders(), [TEACHER]))
    (comparison,), (verdict,) = paired.comparisons, made.verdicts
    one, other = made.judgments
    assert (one.shown, other.shown) == ((0, 1), (1, 0))
    assert (one.scores, other.scores, one.by_answer, other.by_answer) == ((8, 3), (8, 3), (8, 3), (3, 8))
    assert (one.raw, one.rationale) == ("8 3\nThe first is better.", "The first is better.")
    assert (one.usage.calls, one.usage.prompt_tokens, one.origin, one.sample) == (1, 7, "openai", 0)
    assert (verdict.comparison_id, verdict.winner, verdict.flags) == (comparison.id, "tie", ("order_inconsistent",))
    assert verdict.judgment_ids == (one.id, other.id)
    assert made.losses == ()
    texts = ["first answer", "second answer"] if comparison.models == ("a", "b") else ["second answer", "first answer"]
    prompts = [body["messages"][1]["content"] for body in server.heard]
    orders = [[text for _, text in sorted((prompt.index(text), text) for text in texts)] for prompt in prompts]
    assert sorted(orders) == sorted([texts, texts[::-1]])


def test_an_unreadable_reply_is_asked_again_as_a_fresh_sample(endpoint: Endpoints) -> None:
    replies = ["I like both.", "", "9 4\nSo."]
    server = endpoint(lambda body: replies[body["seed"] - 40])
    _, made, _ = asyncio.run(judged(server, JudgeLM(retries=2), OneOrder(), [TEACHER]))
    (judgment,), (verdict,) = made.judgments, made.verdicts
    assert (judgment.scores, judgment.sample, judgment.usage.calls) == ((9, 4), 2, 3)
    assert verdict.flags == ("asked_again",)
    assert verdict.usage.completion_tokens == 9
    assert [(body["seed"], body["temperature"]) for body in server.heard] == [
        (40, 0),
        (41, FRESH_TEMPERATURE),
        (42, FRESH_TEMPERATURE),
    ]
    assert len({str(body["messages"]) for body in server.heard}) == 1


def test_a_reply_that_stays_unreadable_is_a_failure_with_its_text(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: f"No scores from {body['seed']}.")
    _, made, _ = asyncio.run(judged(server, JudgeLM(retries=1), OneOrder(), [TEACHER]))
    (judgment,), (verdict,), (loss,) = made.judgments, made.verdicts, made.losses
    assert judgment.failure is not None
    assert (judgment.failure.kind, judgment.raw, judgment.scores) == ("unreadable", "No scores from 41.", None)
    assert judgment.usage.calls == 2
    assert (loss.stage, loss.status, loss.row_id, loss.by, loss.reason) == (
        "judgments",
        "failed",
        judgment.id,
        "t",
        "unreadable",
    )
    assert verdict.failure is not None
    assert (verdict.failure.kind, verdict.winner, verdict.margin) == ("no_judgment", None, None)
    assert verdict.usage.calls == 2
    assert len(server.heard) == 2


def test_a_failed_call_is_not_asked_again_as_a_fresh_sample(endpoint: Endpoints) -> None:
    server = endpoint(lambda _: 500)
    _, made, _ = asyncio.run(judged(server, JudgeLM(retries=3), OneOrder(), [TEACHER]))
    (judgment,) = made.judgments
    assert judgment.failure is not None
    assert (judgment.failure.kind, judgment.raw) == ("server_error", None)
    assert len(server.heard) == ENTRY["attempts"]


def test_another_reader_uses_what_was_paid_for(endpoint: Endpoints) -> None:
    """Stricter or more lenient, with more or fewer repetitions: only what nobody has said yet is asked."""
    server = endpoint(lambda body: "In short: 7 and 2" if body["seed"] == 40 else f"Nothing ({body['seed']})")

    def judge(judge: Judge) -> tuple[str | None, int, int]:
        before = len(server.heard)
        _, made, callers = asyncio.run(judged(server, judge, OneOrder(), [TEACHER]))
        (judgment,) = made.judgments
        assert callers[0].tally.sent == len(server.heard) - before
        return judgment.raw, callers[0].tally.found, callers[0].tally.sent

    assert judge(JudgeLM(retries=1)) == ("Nothing (41)", 0, 2)
    assert judge(JudgeLM(retries=1)) == ("Nothing (41)", 2, 0)
    assert judge(Lenient()) == ("In short: 7 and 2", 1, 0)
    assert judge(JudgeLM(retries=0)) == ("In short: 7 and 2", 1, 0)
    assert judge(JudgeLM(retries=3)) == ("Nothing (43)", 2, 2)


def test_one_teacher_s_failure_leaves_the_verdict_to_the_others(endpoint: Endpoints) -> None:
    server = endpoint(lambda body: 400 if body["model"] == "t" else "9 1")
    _, made, _ = asyncio.run(judged(server, JudgeLM(), OneOrder(), [TEACHER, {"model": "u"}]))
    assert [judgment.failure is None for judgment in made.judgments] == [False, True]
    assert [verdict.winner for verdict in made.verdicts] == ["first"]
    assert [loss.by for loss in made.losses] == ["t"]


@pytest.mark.parametrize(
    ("reply", "filters", "expected"),
    [
        ("9 1", (), None),
        (
            "5 4",
            (OrderInconsistent(), MinimumMargin(margin=0.5)),
            ("dropped", "order_inconsistent", "order_inconsistent"),
        ),
        ("5 5", (OrderInconsistent(), MinimumMargin(margin=0.5)), ("dropped", "minimum_margin", "minimum_margin")),
        ("none", (MARGIN,), ("failed", "both_orders", "no_judgment")),
    ],
)
def test_verdicts_are_kept_dropped_or_failed(
    endpoint: Endpoints,
    reply: str,
    filters: Sequence[MinimumMargin | OrderInconsistent],
    expected: tuple[str, str, str] | None,
) -> None:
    server = endpoint(lambda _: reply)
    paired, made, _ = asyncio.run(judged(server, JudgeLM(retries=0), BothOrders(), [TEACHER]))
    curated = asyncio.run(Curating((EmptyAnswers(), *filters))(SEED, Answered(), paired, made))
    (verdict,) = made.verdicts
    if expected is None:
        assert curated == Curated((verdict.id,))
    else:
        (loss,) = curated.losses
        assert curated.kept == ()
        assert (loss.status, loss.by, loss.reason, loss.row_id) == (*expected, verdict.id)
        assert (loss.stage, loss.task_id) == ("verdicts", TASK.id)


def test_a_broken_endpoint_does_not_cut_the_others_short(endpoint: Endpoints) -> None:
    """Their calls end before the row does: otherwise each row would leave one behind and let the next row in."""
    server = endpoint(lambda body: 401 if body["model"] == "bad" else "fine")

    async def work() -> list[int]:
        async with server.callers({"model": "bad"}, {"model": "good"}) as callers:
            with pytest.raises(EndpointError):
                await Answering(callers, ())(SEED)
            return [caller.tally.sent for caller in callers] + [caller.tally.open for caller in callers]

    assert asyncio.run(work()) == [0, 1, 0, 0]
