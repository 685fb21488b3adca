"""Slots that follow an endpoint, and calls that hang: against servers on real sockets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from prefmill.generators.calls import Caller, Outcome
from prefmill.generators.halt import Halt
from prefmill.generators.hedging import Hedging
from prefmill.generators.ledger import Ledger
from prefmill.generators.limits import Slots
from prefmill.generators.load import level_for, load_of
from prefmill.generators.providers import Load, Reply, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

Serving = Callable[..., Any]
Completion = Callable[..., Any]


def request(number: int) -> Request:
    messages = (Message(role="user", content=f"question {number}"),)
    return Request(messages, Sampling(), 0, Task(messages=messages))


async def nothing() -> None:
    """No endpoint is checked here."""


class Full:
    """A server that refuses more than `limit` calls at a time, or queues them, and counts."""

    def __init__(
        self, completion: Callable[..., Any], limit: int, *, queues: bool = False, wait_s: float = 0.1
    ) -> None:
        self._completion, self._limit, self._queues, self._wait_s = completion, limit, queues, wait_s
        self._places = asyncio.Semaphore(limit)
        self.open = self.waiting = self.peak = self.refused = 0
        self.answered: Counter[str] = Counter()
        self.queued: list[int] = []

    async def answer(self, http: web.Request) -> web.Response:
        if http.path.endswith("/metrics"):
            figures = {
                "num_requests_running": self.open,
                "num_requests_waiting": self.waiting,
                "kv_cache_usage_perc": 0.4,
            }
            lines = (f'vllm:{name}{{engine="0"}} {value}\n' for name, value in figures.items())
            return web.Response(text="".join(lines))
        question = (await http.json())["messages"][0]["content"]
        if not self._queues and self.open >= self._limit:
            self.refused += 1
            return web.json_response({"error": {"message": "full"}}, status=429, headers={"Retry-After": "0.2"})
        self.waiting += 1
        self.queued.append(self.waiting)
        async with self._places:
            self.waiting -= 1
            self.open += 1
            self.peak = max(self.peak, self.open)
            await asyncio.sleep(self._wait_s)
            self.open -= 1
        self.answered[question] += 1
        return web.json_response(self._completion("an answer"))


async def all_calls(caller: Caller, count: int) -> list[Outcome]:
    return await asyncio.gather(*(caller.call(request(number)) for number in range(count)))


def test_a_full_endpoint_costs_no_row_and_little_time(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    calls, limit = 200, 10

    async def talk() -> tuple[list[Outcome], Full, float]:
        server = Full(completion, limit)
        async with serving(server.answer) as base_url:
            provider = OpenAI(model="m", base_url=base_url, max_in_flight=2 * limit)
            async with provider.open(Site()) as connection:
                with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
                    caller = Caller("answers", provider, connection, ledger, nothing, Halt())
                    started = time.monotonic()
                    outcomes = await all_calls(caller, calls)
                    return outcomes, server, time.monotonic() - started

    outcomes, server, seconds = asyncio.run(talk())
    assert all(outcome.failure is None for outcome in outcomes)
    assert set(server.answered.values()) == {1}
    assert len(server.answered) == calls
    assert server.peak == limit
    # Ideal is 2 s; a busy machine takes longer, but not the 0.2 s of a refusal for each call.
    assert seconds < calls * 0.2 / 2
    assert server.refused < calls


def test_after_a_refusal_the_level_returns_in_one_step() -> None:
    async def level() -> list[int]:
        slots, levels = Slots(64), []
        async with slots:
            slots.refused(0.05)
        levels.append(slots.level)
        await asyncio.sleep(0.3)
        slots.answered(0.01)
        levels.append(slots.level)
        return levels

    assert asyncio.run(level()) == [1, 64]


def test_refused_again_after_going_back_it_halves_the_way() -> None:
    """What comes back in between was sent below the old level and says nothing of the new one."""

    async def level() -> list[int]:
        slots, levels = Slots(64), []
        for _ in range(3):
            await slots.__aenter__()
        for turn in range(3):
            slots.refused(0.05)
            await asyncio.sleep(0.3 * 2**turn)
            slots.answered(0.01)
            slots.answered(0.01)
            levels.append(slots.level)
        return levels

    back, half, less = asyncio.run(level())
    assert back == 64
    assert half < 40
    assert 2 < less < half


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(1.0, 0.25, 0.3), (20.0, 5.0, 5.6), (0.1, 0.1, 0.12), (None, 0.2, 0.3)]
)
def test_a_refused_call_misses_a_round_trip_and_not_the_whole_wait(
    asked: float | None, least: float, most: float
) -> None:
    waits = [Slots(4).patience(asked) for _ in range(200)]
    assert least <= min(waits)
    assert max(waits) <= most


def test_when_nothing_gets_through_nobody_sends() -> None:
    async def waited() -> float:
        slots = Slots(4)
        async with slots:
            slots.refused(0.2)
        started = time.monotonic()
        async with slots:
            return time.monotonic() - started

    assert asyncio.run(waited()) >= 0.19


def test_a_server_that_queues_is_held_at_its_knee(serving: Serving, completion: Completion, tmp_path: Path) -> None:
    calls, limit = 400, 8

    async def talk() -> tuple[Full, int]:
        server = Full(completion, limit, queues=True, wait_s=0.05)
        async with serving(server.answer) as base_url:
            provider = OpenAI(model="m", base_url=base_url, max_in_flight=200)
            async with provider.open(Site()) as connection:
                with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
                    caller = Caller("answers", provider, connection, ledger, nothing, Halt())
                    following = asyncio.create_task(caller.follow(0.05))
                    await all_calls(caller, calls)
                    following.cancel()
                    return server, sorted(server.queued[-100:])[50]

    server, queued = asyncio.run(talk())
    assert len(server.answered) == calls
    assert queued <= 4 * limit  # 192 at first, when nothing was known yet


def test_the_load_is_read_and_followed() -> None:
    text = '# HELP\nvllm:num_requests_running{engine="0"} 30.0\nvllm:num_requests_running{engine="1"} 10.0\n'
    assert load_of(text + 'vllm:num_requests_waiting{engine="0"} 3.0\n') == Load(40.0, 3.0, 0.0)
    assert load_of("python_gc_objects 3\n") is None
    assert load_of("vllm:num_requests_running 5\nvllm:gpu_cache_usage_perc 0.97\n") == Load(5.0, 0.0, 0.97)
    assert level_for(Load(40, 0, 0.5), level=40, held=40) == 61
    assert level_for(Load(40, 0, 0.5), level=60, held=40) == 60
    assert level_for(Load(40, 30, 0.5), level=70, held=70) == 43
    assert level_for(Load(40, 0, 0.97), level=70, held=40) == 41


def test_a_call_that_hangs_is_sent_once_more() -> None:
    asked: list[int] = []

    async def talk() -> tuple[Reply, int]:
        hedging = Hedging()
        for _ in range(100):
            hedging.saw(0.01)
        assert hedging.after_s is not None
        hedging.after_s = 0.05

        async def ask() -> Reply:
            asked.append(len(asked))
            if len(asked) == 1:
                await asyncio.sleep(30)
            return Reply(f"reply {len(asked)}", "stop", 1, 1)

        told: list[None] = []
        reply = await hedging.first(ask, lambda: told.append(None))
        return reply, len(told)

    reply, told = asyncio.run(talk())
    assert reply.text == "reply 2"
    assert (len(asked), told) == (2, 1)


def test_the_first_of_two_counts_and_a_stop_is_obeyed() -> None:
    async def talk() -> tuple[str, bool]:
        hedging = Hedging()
        for _ in range(100):
            hedging.saw(0.01)
        hedging.after_s = 0.03
        number = 0

        async def ask() -> Reply:
            nonlocal number
            number += 1
            wait = 0.1 if number == 1 else 5
            mine = number
            await asyncio.sleep(wait)
            return Reply(str(mine), "stop", 1, 1)

        first = (await hedging.first(ask, lambda: None)).text
        waiting = asyncio.create_task(hedging.first(ask, lambda: None))
        await asyncio.sleep(0.05)
        waiting.cancel()
        ended = (await asyncio.gather(waiting, return_exceptions=True))[0]
        return first, isinstance(ended, asyncio.CancelledError)

    assert asyncio.run(talk()) == ("1", True)
