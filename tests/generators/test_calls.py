"""Calls over real sockets: what is asked, found in the ledger, in flight, and drawn again."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from aiohttp import web

from prefmill.generators.asking import call_key, request_body
from prefmill.generators.calls import FRESH_TEMPERATURE, Outcome, drawn
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Price, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.generators.providers.recorded import Recorded
from prefmill.schemas.errors import EndpointError
from prefmill.schemas.sampling import Sampling

if TYPE_CHECKING:
    from .conftest import CallerTo, Calling, Completion, RequestFor, Server


def test_a_call_is_made_once_and_then_found(server: Server, calling: Calling, request_for: RequestFor) -> None:
    server.says = lambda question, _: f"To {question}"

    async def first() -> Outcome:
        async with calling(price=Price(input=1e6, output=2e6)) as (caller, ledger):
            outcome = await caller.call(request_for("a"))
            assert (caller.tally.asked, caller.tally.sent, caller.tally.found) == (1, 1, 0)
            assert caller.tally.cost_usd == 13
            (call,) = ledger.of_task(request_for("a").task.id)
        assert orjson.loads(call.request) == {"model": "m", "messages": [{"role": "user", "content": "a"}]}
        assert (call.stage, call.model, call.status, call.text, call.attempts) == ("answers", "m", "ok", "To a", 1)
        assert call.latency_s > 0
        return outcome

    async def second() -> Outcome:
        async with calling(price=None) as (caller, _):
            outcome = await caller.call(request_for("a"))
            assert (caller.tally.asked, caller.tally.sent, caller.tally.found) == (1, 0, 1)
            assert caller.tally.cost_usd == 0
            return outcome

    outcome = asyncio.run(first())
    assert outcome.reply is not None
    assert outcome.reply.text == "To a"
    assert (outcome.usage.calls, outcome.usage.prompt_tokens, outcome.usage.cost_usd) == (1, 7, 13)
    # On another port, as a caller of its own, at another price: the call is still there, at the price it was made for.
    assert asyncio.run(second()) == outcome
    assert server.heard == {"a": 1}


def test_the_key_is_what_is_asked_and_nothing_else(request_for: RequestFor) -> None:
    def key(asked: Request, **fields: object) -> str:
        provider = OpenAI.model_validate({"model": "m", "base_url": "http://localhost:1/v1", **fields})
        return call_key(provider, request_body(provider, asked), asked.sample)

    same = key(request_for("a"))
    assert len(same) == 32
    unchanged: list[dict[str, object]] = [
        {"base_url": "http://localhost:2/v1"},
        {"max_in_flight": 1, "timeout": 1, "attempts": 1, "price": Price(input=1, output=1)},
        {"api_key_env": "HOME", "family": "x"},
    ]
    assert [key(request_for("a"), **fields) for fields in unchanged] == [same] * 3
    changed = [
        key(request_for("b")),
        key(request_for("a", sample=1)),
        key(request_for("a", temperature=0)),
        key(request_for("a", extra_body={"top_k": 3})),
        key(request_for("a"), name="other"),
        key(request_for("a"), model="m2", name="m"),
    ]
    assert len({same, *changed}) == 7


def test_the_same_question_at_the_same_time_is_sent_once(
    server: Server, calling: Calling, request_for: RequestFor
) -> None:
    server.says = lambda question, arrival: f"{question}{arrival}"
    server.seconds = 0.05

    async def talk() -> list[Outcome]:
        async with calling() as (caller, _):
            outcomes = await asyncio.gather(*(caller.call(request_for("a", sample)) for sample in (0, 0, 1, 0)))
            tally = caller.tally
            assert (tally.asked, tally.sent, tally.found) == (4, 2, 2)
            return outcomes

    outcomes = asyncio.run(talk())
    assert server.heard == {"a": 2}
    assert outcomes[0] == outcomes[1] == outcomes[3]
    assert outcomes[0] != outcomes[2]


@pytest.mark.parametrize("most", [1, 7])
def test_never_more_than_max_in_flight(server: Server, calling: Calling, request_for: RequestFor, most: int) -> None:
    """As the server sees it, failures and repetitions included."""
    server.says = lambda _, arrival: 429 if arrival == 0 else "fine"
    server.seconds = 0.01

    async def talk() -> None:
        async with calling(max_in_flight=most) as (caller, _):
            outcomes = await asyncio.gather(*(caller.call(request_for(str(number))) for number in range(6 * most)))
            assert all(outcome.failure is None for outcome in outcomes)
            assert caller.tally.open == 0

    asyncio.run(talk())
    assert server.peak == most
    assert server.heard.total() == 12 * most


def test_a_full_endpoint_costs_no_attempt(server: Server, calling: Calling, request_for: RequestFor) -> None:
    """Not even where there is only one."""
    server.says = lambda _, arrival: 429 if arrival < 3 else "fine"

    async def talk() -> Outcome:
        async with calling(attempts=1) as (caller, _):
            return await caller.call(request_for("a"))

    outcome = asyncio.run(talk())
    assert outcome.failure is None
    assert server.heard == {"a": 4}


def test_a_crash_costs_no_more_than_what_is_in_flight(
    server: Server, calling: Calling, request_for: RequestFor
) -> None:
    """A slot is given back when the reply is in the ledger: so many replies at most are not there yet."""
    server.says = lambda question, _: question
    behind: list[int] = []

    async def talk() -> None:
        async with calling(max_in_flight=3) as (caller, ledger):
            says = server.says

            def watch(question: str, arrival: int) -> object:
                behind.append(server.heard.total() - sum(row.calls for row in ledger.totals()))
                return says(question, arrival)

            server.says = watch
            await asyncio.gather(*(caller.call(request_for(str(number))) for number in range(60)))

    asyncio.run(talk())
    assert len(behind) == 60
    assert max(behind) <= 3


@pytest.mark.parametrize("text", [None, "", " \n\t "])
def test_a_reply_without_text_is_a_failure_that_was_paid_for(
    server: Server, completion: Completion, calling: Calling, request_for: RequestFor, text: str | None
) -> None:
    server.says = lambda *_: web.json_response(completion(text, "length"))

    async def talk() -> Outcome:
        async with calling() as (caller, ledger):
            outcome = await caller.call(request_for("a"))
            assert [call.status for call in ledger.of_task(request_for("a").task.id)] == ["ok"]
            return outcome

    outcome = asyncio.run(talk())
    assert outcome.reply is None
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.message) == ("empty", "no text (finish reason length)")
    assert outcome.usage.completion_tokens == 3
    assert server.heard == {"a": 1}


def test_nothing_is_sent_before_the_endpoints_are_checked(
    server: Server, calling: Calling, request_for: RequestFor
) -> None:
    server.says = lambda *_: "fine"

    async def talk() -> None:
        async with calling() as (caller, _):

            async def down() -> None:
                raise EndpointError("down")

            caller.ready = down
            with pytest.raises(EndpointError, match="down"):
                await caller.call(request_for("a"))

    asyncio.run(talk())
    assert server.heard == {}


def test_recorded_answers_bypass_the_ledger(caller_to: CallerTo, request_for: RequestFor, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"instruction": "a", "text": "recorded"}\n{"instruction": "blank", "text": " "}\n')

    provider = Recorded(model="r", path=str(path))

    async def talk() -> None:
        with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
            async with provider.open(Site()) as connection:
                caller = caller_to(provider, connection, ledger)
                there, missing, blank = [await caller.call(request_for(text)) for text in ("a", "b", "blank")]
            assert there.reply is not None
            assert (there.reply.text, there.usage.calls, there.usage.cost_usd) == ("recorded", 0, None)
            assert missing.failure is not None
            assert missing.failure.kind == "unanswered"
            assert blank.failure is not None
            assert blank.failure.kind == "empty"
            assert (caller.tally.found, caller.tally.failed, caller.tally.sent) == (3, 2, 0)
            assert ledger.totals() == []

    asyncio.run(talk())


SEEDED = Sampling(temperature=0.2, seed=100, top_p=0.9)


@pytest.mark.parametrize(
    ("sampling", "sample", "again", "expected"),
    [
        (Sampling(), 3, 2, Sampling()),
        (SEEDED, 0, 0, SEEDED),
        (SEEDED, 2, 0, Sampling(temperature=0.2, seed=102, top_p=0.9)),
        (SEEDED, 1, 1, Sampling(temperature=FRESH_TEMPERATURE, seed=101, top_p=0.9)),
        (Sampling(temperature=0), 1, 1, Sampling(temperature=FRESH_TEMPERATURE)),
        (Sampling(temperature=1), 1, 1, Sampling(temperature=1)),
        (Sampling(seed=0), 1, 1, Sampling(seed=1)),
    ],
)
def test_seeds_and_temperatures_of_further_draws(
    sampling: Sampling, sample: int, again: int, expected: Sampling
) -> None:
    assert drawn(sampling, sample, again) == expected


def test_every_draw_of_a_task_is_a_question_of_its_own(request_for: RequestFor) -> None:
    """Samples and fresh samples never ask the same twice, with a seed or without."""
    provider = OpenAI(model="m", samples=3)
    for sampling in (Sampling(), Sampling(temperature=0), SEEDED):
        keys = set()
        for sample, again in itertools.product(range(3), range(3)):
            number = sample + again * provider.samples
            asked = request_for("a")
            asked = Request(asked.messages, drawn(sampling, number, again), number, asked.task)
            keys.add(call_key(provider, request_body(provider, asked), number))
        assert len(keys) == 9
