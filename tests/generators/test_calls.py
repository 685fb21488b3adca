"""Calls over real sockets: ledger, slots, attempts, stopping; and how often the server is asked."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from prefmill.generators.asking import call_key, request_body
from prefmill.generators.calls import FRESH_TEMPERATURE, PATIENCE, Caller, Outcome, drawn
from prefmill.generators.halt import Halt
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Price, Provider, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.generators.providers.recorded import Recorded
from prefmill.schemas.errors import EndpointError, Stopped
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Completion = Callable[..., dict[str, Any]]


def request(text: str, sample: int = 0, **sampling: object) -> Request:
    task = Task(messages=(Message(role="user", content=text),))
    return Request(task.messages, Sampling.model_validate(sampling), sample, task)


@dataclass
class Server:
    """Says what `says` tells it to for a question's n-th arrival: a text, a status, or a reply of its own."""

    completion: Completion
    says: Callable[[str, int], object]
    seconds: float = 0
    heard: Counter[str] = field(default_factory=Counter)
    open: int = 0
    peak: int = 0

    async def answer(self, http: web.Request) -> web.StreamResponse:
        body = await http.json()
        question = body["messages"][0]["content"]
        arrival, self.heard[question] = self.heard[question], self.heard[question] + 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            await asyncio.sleep(self.seconds)
            said = self.says(question, arrival)
            if isinstance(said, asyncio.Event):
                await said.wait()
                said = "waited"
        finally:
            self.open -= 1
        if isinstance(said, int):
            return web.json_response({"error": {"message": f"no {said}"}}, status=said, headers={"Retry-After": "0"})
        if isinstance(said, web.StreamResponse):
            return said
        return web.json_response(self.completion(said))


@asynccontextmanager
async def calling(
    serving: Serving, server: Server, path: Path, **fields: object
) -> AsyncIterator[tuple[Caller, Ledger]]:
    """A caller to the server with a ledger at `path`."""
    async with serving(server.answer) as base_url:
        provider = OpenAI.model_validate({"model": "m", "base_url": base_url, "timeout": 5, **fields})
        async with provider.open(Site()) as connection:
            with Ledger.open(path / "ledger.sqlite") as ledger:
                yield Caller("answers", provider, connection, ledger, nothing, Halt()), ledger


async def nothing() -> None:
    pass


def attempts(path: Path) -> list[tuple[int, str]]:
    """Failed attempts that were noted, as number and kind."""
    connection = sqlite3.connect(path / "ledger.sqlite")
    rows = connection.execute("SELECT attempt, status FROM attempts ORDER BY created_s").fetchall()
    connection.close()
    return rows


def test_a_call_is_made_once_and_then_found(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    server = Server(completion, lambda question, _: f"To {question}")

    async def first() -> Outcome:
        async with calling(serving, server, tmp_path, price=Price(input=1e6, output=2e6)) as (caller, ledger):
            outcome = await caller.call(request("a"))
            assert (caller.tally.asked, caller.tally.sent, caller.tally.found) == (1, 1, 0)
            assert caller.tally.cost_usd == 13
            (call,) = ledger.of_task(request("a").task.id)
        assert orjson.loads(call.request) == {"model": "m", "messages": [{"role": "user", "content": "a"}]}
        assert (call.stage, call.model, call.status, call.text, call.attempts) == ("answers", "m", "ok", "To a", 1)
        assert call.latency_s > 0
        return outcome

    async def second() -> Outcome:
        async with calling(serving, server, tmp_path, price=None) as (caller, _):
            outcome = await caller.call(request("a"))
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


def test_the_key_is_what_is_asked_and_nothing_else() -> None:
    def key(asked: Request, **fields: object) -> str:
        provider = OpenAI.model_validate({"model": "m", "base_url": "http://localhost:1/v1", **fields})
        return call_key(provider, request_body(provider, asked), asked.sample)

    same = key(request("a"))
    assert len(same) == 32
    unchanged: list[dict[str, object]] = [
        {"base_url": "http://localhost:2/v1"},
        {"max_in_flight": 1, "timeout": 1, "attempts": 1, "price": Price(input=1, output=1)},
        {"api_key_env": "HOME", "family": "x"},
    ]
    assert [key(request("a"), **fields) for fields in unchanged] == [same] * 3
    changed = [
        key(request("b")),
        key(request("a", sample=1)),
        key(request("a", temperature=0)),
        key(request("a", extra_body={"top_k": 3})),
        key(request("a"), name="other"),
        key(request("a"), model="m2", name="m"),
    ]
    assert len({same, *changed}) == 7


def test_the_same_question_at_the_same_time_is_sent_once(
    serving: Serving, completion: Completion, tmp_path: Path
) -> None:
    server = Server(completion, lambda question, arrival: f"{question}{arrival}", seconds=0.05)

    async def talk() -> list[Outcome]:
        async with calling(serving, server, tmp_path) as (caller, _):
            outcomes = await asyncio.gather(*(caller.call(request("a", sample)) for sample in (0, 0, 1, 0)))
            tally = caller.tally
            assert (tally.asked, tally.sent, tally.found) == (4, 2, 2)
            return outcomes

    outcomes = asyncio.run(talk())
    assert server.heard == {"a": 2}
    assert outcomes[0] == outcomes[1] == outcomes[3]
    assert outcomes[0] != outcomes[2]


PASSING: list[tuple[object, str]] = [
    (429, "rate_limited"),
    (500, "server_error"),
    (408, "server_error"),
    (web.Response, "protocol"),
]


def fresh(said: object) -> object:
    """A reply of its own cannot be sent twice."""
    return said() if isinstance(said, type) else said


@pytest.mark.parametrize(("said", "kind"), PASSING)
def test_passing_failures_are_tried_again_until_they_pass(
    serving: Serving, completion: Completion, tmp_path: Path, said: object, kind: str
) -> None:
    server = Server(completion, lambda _, arrival: "fine" if arrival == 1 else fresh(said))

    async def talk() -> Outcome:
        async with calling(serving, server, tmp_path, attempts=2) as (caller, ledger):
            outcome = await caller.call(request("a"))
            assert [call.attempts for call in ledger.of_task(request("a").task.id)] == [2]
            assert caller.tally.failed == 0
            return outcome

    outcome = asyncio.run(talk())
    assert (outcome.failure, outcome.usage.calls) == (None, 1)
    assert attempts(tmp_path) == [(1, kind)]


@pytest.mark.parametrize(("said", "kind"), PASSING[:2])
def test_after_the_last_attempt_the_failure_stays(
    serving: Serving, completion: Completion, tmp_path: Path, said: object, kind: str
) -> None:
    server = Server(completion, lambda *_: fresh(said))

    async def talk() -> list[Outcome]:
        async with calling(serving, server, tmp_path, attempts=3) as (caller, _):
            outcomes = [await caller.call(request("a")) for _ in range(2)]
            assert caller.tally.failed == 2
            return outcomes

    first, again = asyncio.run(talk())
    assert first.reply is None
    assert first.failure is not None
    assert (first.failure.kind, first.failure.message) == (kind, f"no {said}")
    assert again == first
    # A full endpoint is waited for longer than a broken one.
    sent = 3 if kind != "rate_limited" else 3 + 3 * PATIENCE
    assert server.heard == {"a": sent}
    assert attempts(tmp_path) == [(number, kind) for number in range(1, sent + 1)]


def test_other_failures_are_not_tried_again(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    withheld = completion(None, "content_filter")
    server = Server(completion, lambda question, _: 400 if question == "a" else web.json_response(withheld))

    async def talk() -> list[Outcome]:
        async with calling(serving, server, tmp_path) as (caller, _):
            return [await caller.call(request(text)) for text in "ab"]

    kinds = [outcome.failure.kind for outcome in asyncio.run(talk()) if outcome.failure]
    assert kinds == ["rejected", "content_filter"]
    assert server.heard == {"a": 1, "b": 1}


def test_a_timeout_is_tried_again(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    never = asyncio.Event()
    server = Server(completion, lambda _, arrival: "fine" if arrival else never)

    async def talk() -> Outcome:
        async with calling(serving, server, tmp_path, timeout=0.2, attempts=2) as (caller, _):
            return await caller.call(request("a"))

    assert asyncio.run(talk()).failure is None
    assert attempts(tmp_path) == [(1, "timeout")]


def test_waiting_for_another_attempt_holds_no_slot(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    def says(question: str, arrival: int) -> object:
        if question == "slow" and arrival == 0:
            return web.json_response({}, status=429, headers={"Retry-After": "1"})
        return question

    server = Server(completion, says)

    async def talk() -> list[str]:
        ended: list[str] = []
        async with calling(serving, server, tmp_path, max_in_flight=1) as (caller, _):

            async def one(text: str) -> None:
                await caller.call(request(text))
                ended.append(text)

            await asyncio.gather(*(one(text) for text in ("slow", "b", "c", "d")))
        return ended

    assert asyncio.run(talk()) == ["b", "c", "d", "slow"]
    assert server.peak == 1


@pytest.mark.parametrize("most", [1, 7])
def test_never_more_than_max_in_flight(serving: Serving, completion: Completion, tmp_path: Path, most: int) -> None:
    """As the server sees it, failures and repetitions included."""
    server = Server(completion, lambda _, arrival: 429 if arrival == 0 else "fine", seconds=0.01)

    async def talk() -> None:
        async with calling(serving, server, tmp_path, max_in_flight=most) as (caller, _):
            outcomes = await asyncio.gather(*(caller.call(request(str(number))) for number in range(6 * most)))
            assert all(outcome.failure is None for outcome in outcomes)
            assert caller.tally.open == 0

    asyncio.run(talk())
    assert server.peak == most
    assert server.heard.total() == 12 * most


def test_a_crash_costs_no_more_than_what_is_in_flight(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    """A slot is given back when the reply is in the ledger: so many replies at most are not there yet."""
    server = Server(completion, lambda question, _: question)
    behind: list[int] = []

    async def talk() -> None:
        async with calling(serving, server, tmp_path, max_in_flight=3) as (caller, ledger):
            says = server.says

            def watch(question: str, arrival: int) -> object:
                behind.append(server.heard.total() - sum(row.calls for row in ledger.totals()))
                return says(question, arrival)

            server.says = watch
            await asyncio.gather(*(caller.call(request(str(number))) for number in range(60)))

    asyncio.run(talk())
    assert len(behind) == 60
    assert max(behind) <= 3


@pytest.mark.parametrize("text", [None, "", " \n\t "])
def test_a_reply_without_text_is_a_failure_that_was_paid_for(
    serving: Serving, completion: Completion, tmp_path: Path, text: str | None
) -> None:
    server = Server(completion, lambda *_: web.json_response(completion(text, "length")))

    async def talk() -> Outcome:
        async with calling(serving, server, tmp_path) as (caller, ledger):
            outcome = await caller.call(request("a"))
            assert [call.status for call in ledger.of_task(request("a").task.id)] == ["ok"]
            return outcome

    outcome = asyncio.run(talk())
    assert outcome.reply is None
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.message) == ("empty", "no text (finish reason length)")
    assert outcome.usage.completion_tokens == 3
    assert server.heard == {"a": 1}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_failure_of_the_endpoint_stops_the_run_and_is_not_kept(
    serving: Serving, completion: Completion, tmp_path: Path, status: int
) -> None:
    server = Server(completion, lambda *_: status)

    async def talk() -> None:
        async with calling(serving, server, tmp_path) as (caller, ledger):
            with pytest.raises(EndpointError, match=f"no {status}"):
                await caller.call(request("a"))
            assert ledger.totals() == []
            assert caller.tally.open == 0

    asyncio.run(talk())
    assert server.heard == {"a": 1}


def test_a_server_that_restarts_is_waited_for(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    server = Server(completion, lambda *_: "back")

    async def talk() -> tuple[Outcome, EndpointError]:
        async with serving(server.answer) as gone:
            pass
        with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
            port = int(gone.rpartition(":")[2].removesuffix("/v1"))
            provider = OpenAI(model="m", base_url=gone, attempts=2, timeout=5)
            async with provider.open(Site()) as connection:
                caller = Caller("answers", provider, connection, ledger, nothing, Halt())
                with pytest.raises(EndpointError) as caught:
                    await caller.call(request("a"))
                with pytest.raises(EndpointError, match="Connection refused"):
                    await caller.call(request("b"))  # Without waiting: nothing further is sent to it.
                caller = Caller("answers", provider, connection, ledger, nothing, Halt())
                asked = asyncio.create_task(caller.call(request("a")))
                await asyncio.sleep(0.1)
                application = web.Application()
                application.router.add_post("/v1/chat/completions", server.answer)
                runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.05)
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", port).start()
                outcome = await asked
                await runner.cleanup()
        return outcome, caught.value

    outcome, error = asyncio.run(talk())
    assert "cannot connect: Connection refused" in str(error)
    assert outcome.failure is None


def test_when_the_run_stops_nothing_more_is_sent(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    """What is in flight ends and is kept; what waits for a slot or for another attempt is told."""
    server = Server(completion, lambda question, _: 429 if question == "again" else question, seconds=0.2)

    async def talk() -> list[object]:
        async with calling(serving, server, tmp_path, max_in_flight=2) as (caller, ledger):
            calls = [asyncio.create_task(caller.call(request(text))) for text in ("a", "b", "c", "d")]
            await asyncio.sleep(0.1)
            caller.halt.request(Stopped("enough"))
            ended = await asyncio.gather(*calls, caller.call(request("e")), return_exceptions=True)
            assert [type(one) for one in ended] == [Outcome, Outcome, Stopped, Stopped, Stopped]
            assert isinstance(await caller.call(request("a")), Outcome)
            assert sum(row.calls for row in ledger.totals()) == 2
            return list(ended)

    asyncio.run(talk())
    assert server.heard == {"a": 1, "b": 1}


def test_a_stop_ends_the_wait_for_another_attempt(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    server = Server(completion, lambda *_: web.json_response({}, status=503, headers={"Retry-After": "20"}))

    async def talk() -> float:
        async with calling(serving, server, tmp_path) as (caller, _):
            call = asyncio.create_task(caller.call(request("a")))
            while not server.heard or server.open:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            started = asyncio.get_running_loop().time()
            caller.halt.request(Stopped("enough"))
            with pytest.raises(Stopped):
                await call
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(talk()) < 1
    assert server.heard == {"a": 1}


def test_nothing_is_sent_before_the_endpoints_are_checked(
    serving: Serving, completion: Completion, tmp_path: Path
) -> None:
    server = Server(completion, lambda *_: "fine")

    async def talk() -> None:
        async with calling(serving, server, tmp_path) as (caller, _):

            async def down() -> None:
                raise EndpointError("down")

            caller.ready = down
            with pytest.raises(EndpointError, match="down"):
                await caller.call(request("a"))

    asyncio.run(talk())
    assert server.heard == {}


def local(coroutine: Callable[[Caller, Ledger], Coroutine[Any, Any, None]], provider: Provider, path: Path) -> None:
    async def talk() -> None:
        async with provider.open(Site()) as connection:
            with Ledger.open(path / "ledger.sqlite") as ledger:
                await coroutine(Caller("answers", provider, connection, ledger, nothing, Halt()), ledger)

    asyncio.run(talk())


def test_recorded_answers_bypass_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"instruction": "a", "text": "recorded"}\n{"instruction": "blank", "text": " "}\n')

    async def talk(caller: Caller, ledger: Ledger) -> None:
        there, missing, blank = [await caller.call(request(text)) for text in ("a", "b", "blank")]
        assert there.reply is not None
        assert (there.reply.text, there.usage.calls, there.usage.cost_usd) == ("recorded", 0, None)
        assert missing.failure is not None
        assert missing.failure.kind == "unanswered"
        assert blank.failure is not None
        assert blank.failure.kind == "empty"
        assert (caller.tally.found, caller.tally.failed, caller.tally.sent) == (3, 2, 0)
        assert ledger.totals() == []

    local(talk, Recorded(model="r", path=str(path)), tmp_path)


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


def test_every_draw_of_a_task_is_a_question_of_its_own() -> None:
    """Samples and fresh samples never ask the same twice, with a seed or without."""
    provider = OpenAI(model="m", samples=3)
    for sampling in (Sampling(), Sampling(temperature=0), SEEDED):
        keys = set()
        for sample, again in itertools.product(range(3), range(3)):
            number = sample + again * provider.samples
            asked = request("a")
            asked = Request(asked.messages, drawn(sampling, number, again), number, asked.task)
            keys.add(call_key(provider, request_body(provider, asked), number))
        assert len(keys) == 9
