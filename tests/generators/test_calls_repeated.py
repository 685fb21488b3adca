"""Calls over real sockets that fail: what is tried again, how often, and what stops them."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from prefmill.generators.calls import PATIENCE, Outcome
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.errors import EndpointError, Stopped

if TYPE_CHECKING:
    from .conftest import CallerTo, Calling, Completion, RequestFor, Server, Serving


PASSING: list[tuple[object, str]] = [
    (429, "rate_limited"),
    (500, "server_error"),
    (408, "server_error"),
    (web.Response, "protocol"),
]


def fresh(said: object) -> object:
    """A reply of its own cannot be sent twice."""
    return said() if isinstance(said, type) else said


def attempts(path: Path) -> list[tuple[int, str]]:
    """Failed attempts that were noted, as number and kind."""
    connection = sqlite3.connect(path / "ledger.sqlite")
    rows = connection.execute("SELECT attempt, status FROM attempts ORDER BY created_s").fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize(("said", "kind"), PASSING)
def test_passing_failures_are_tried_again_until_they_pass(
    server: Server, calling: Calling, request_for: RequestFor, *, tmp_path: Path, said: object, kind: str
) -> None:
    server.says = lambda _, arrival: "fine" if arrival == 1 else fresh(said)

    async def talk() -> Outcome:
        async with calling(attempts=2) as (caller, ledger):
            outcome = await caller.call(request_for("a"))
            assert [call.attempts for call in ledger.of_task(request_for("a").task.id)] == [2]
            assert caller.tally.failed == 0
            return outcome

    outcome = asyncio.run(talk())
    assert (outcome.failure, outcome.usage.calls) == (None, 1)
    assert attempts(tmp_path) == [(1, kind)]


@pytest.mark.parametrize(("said", "kind"), PASSING[:2])
def test_after_the_last_attempt_the_failure_stays(
    server: Server, calling: Calling, request_for: RequestFor, *, tmp_path: Path, said: object, kind: str
) -> None:
    server.says = lambda *_: fresh(said)

    async def talk() -> list[Outcome]:
        async with calling(attempts=3) as (caller, _):
            outcomes = [await caller.call(request_for("a")) for _ in range(2)]
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


def test_other_failures_are_not_tried_again(
    server: Server, completion: Completion, calling: Calling, request_for: RequestFor
) -> None:
    withheld = completion(None, "content_filter")
    server.says = lambda question, _: 400 if question == "a" else web.json_response(withheld)

    async def talk() -> list[Outcome]:
        async with calling() as (caller, _):
            return [await caller.call(request_for(text)) for text in "ab"]

    kinds = [outcome.failure.kind for outcome in asyncio.run(talk()) if outcome.failure]
    assert kinds == ["rejected", "content_filter"]
    assert server.heard == {"a": 1, "b": 1}


def test_a_timeout_is_tried_again(server: Server, calling: Calling, request_for: RequestFor, tmp_path: Path) -> None:
    never = asyncio.Event()
    server.says = lambda _, arrival: "fine" if arrival else never

    async def talk() -> Outcome:
        async with calling(timeout=0.2, attempts=2) as (caller, _):
            return await caller.call(request_for("a"))

    assert asyncio.run(talk()).failure is None
    assert attempts(tmp_path) == [(1, "timeout")]


def test_waiting_for_another_attempt_holds_no_slot(server: Server, calling: Calling, request_for: RequestFor) -> None:
    def says(question: str, arrival: int) -> object:
        if question == "slow" and arrival == 0:
            return web.json_response({}, status=429, headers={"Retry-After": "1"})
        return question

    server.says = says

    async def talk() -> list[str]:
        ended: list[str] = []
        async with calling(max_in_flight=1) as (caller, _):

            async def one(text: str) -> None:
                await caller.call(request_for(text))
                ended.append(text)

            await asyncio.gather(*(one(text) for text in ("slow", "b", "c", "d")))
        return ended

    assert asyncio.run(talk()) == ["b", "c", "d", "slow"]
    assert server.peak == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_failure_of_the_endpoint_stops_the_run_and_is_not_kept(
    server: Server, calling: Calling, request_for: RequestFor, status: int
) -> None:
    server.says = lambda *_: status

    async def talk() -> None:
        async with calling() as (caller, ledger):
            with pytest.raises(EndpointError, match=f"no {status}"):
                await caller.call(request_for("a"))
            assert ledger.totals() == []
            assert caller.tally.open == 0

    asyncio.run(talk())
    assert server.heard == {"a": 1}


def test_a_server_that_restarts_is_waited_for(
    server: Server, serving: Serving, caller_to: CallerTo, request_for: RequestFor, tmp_path: Path
) -> None:
    server.says = lambda *_: "back"

    async def talk() -> tuple[Outcome, EndpointError]:
        async with serving(server.answer) as gone:
            pass
        with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
            port = int(gone.rpartition(":")[2].removesuffix("/v1"))
            provider = OpenAI(model="m", base_url=gone, attempts=2, timeout=5)
            async with provider.open(Site()) as connection:
                caller = caller_to(provider, connection, ledger)
                with pytest.raises(EndpointError) as caught:
                    await caller.call(request_for("a"))
                with pytest.raises(EndpointError, match="Connection refused"):
                    await caller.call(request_for("b"))  # Without waiting: nothing further is sent to it.
                caller = caller_to(provider, connection, ledger)
                asked = asyncio.create_task(caller.call(request_for("a")))
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


def test_when_the_run_stops_nothing_more_is_sent(server: Server, calling: Calling, request_for: RequestFor) -> None:
    """What is in flight ends and is kept; what waits for a slot or for another attempt is told."""
    server.says = lambda question, _: 429 if question == "again" else question
    server.seconds = 0.2

    async def talk() -> list[object]:
        async with calling(max_in_flight=2) as (caller, ledger):
            calls = [asyncio.create_task(caller.call(request_for(text))) for text in ("a", "b", "c", "d")]
            await asyncio.sleep(0.1)
            caller.halt.request(Stopped("enough"))
            ended = await asyncio.gather(*calls, caller.call(request_for("e")), return_exceptions=True)
            assert [type(one) for one in ended] == [Outcome, Outcome, Stopped, Stopped, Stopped]
            assert isinstance(await caller.call(request_for("a")), Outcome)
            assert sum(row.calls for row in ledger.totals()) == 2
            return list(ended)

    asyncio.run(talk())
    assert server.heard == {"a": 1, "b": 1}


def test_a_stop_ends_the_wait_for_another_attempt(server: Server, calling: Calling, request_for: RequestFor) -> None:
    server.says = lambda *_: web.json_response({}, status=503, headers={"Retry-After": "20"})

    async def talk() -> float:
        async with calling() as (caller, _):
            call = asyncio.create_task(caller.call(request_for("a")))
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
