"""`timeout` of a model that a run loads itself: waiting in the engine's queue is none, a hanging engine is one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.calls import Outcome
from prefmill.generators.hosting.patience import Patience
from prefmill.generators.hosting.pool import Pool
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Site
from prefmill.generators.providers.vllm_server import VLLMServer
from prefmill.schemas.errors import CallFailed

if TYPE_CHECKING:
    from ..conftest import CallerTo, RequestFor
    from .conftest import FakeVLLM


def outcomes(
    entry: VLLMServer, folder: Path, caller_to: CallerTo, request_for: RequestFor, questions: list[str]
) -> list[Outcome]:
    """What became of so many calls at once, through a pool and with a ledger."""

    async def work() -> list[Outcome]:
        pool = Pool(folder / "engines", ())
        with Ledger.open(folder / "ledger.sqlite") as ledger:
            async with entry.open(Site(engines=pool)) as connection:
                await pool.admit([entry])
                caller = caller_to(entry, connection, ledger)
                try:
                    return await asyncio.gather(*(caller.call(request_for(question)) for question in questions))
                finally:
                    await pool.close()

    return asyncio.run(work())


def test_a_slow_engine_loses_no_call_that_waits_in_its_queue(
    fake_vllm: FakeVLLM, caller_to: CallerTo, request_for: RequestFor, tmp_path: Path
) -> None:
    """All are handed over at once, and the last one is answered long after its time would be over."""
    entry = fake_vllm.entry("--room", "2", "--seconds", "0.05", timeout=0.8, attempts=1)
    questions = [f"question {number}" for number in range(80)]
    ended = outcomes(entry, tmp_path, caller_to, request_for, questions)
    assert [one.failure for one in ended] == [None] * 80
    assert sorted(fake_vllm.heard()) == sorted(questions), "none was sent a second time"


def test_an_engine_that_hangs_is_given_up(
    fake_vllm: FakeVLLM, caller_to: CallerTo, request_for: RequestFor, tmp_path: Path
) -> None:
    ended = outcomes(fake_vllm.entry(timeout=0.5, attempts=1), tmp_path, caller_to, request_for, ["hang", "a", "b"])
    failures = [one.failure and (one.failure.kind, one.failure.message) for one in ended]
    assert failures == [("timeout", "the engine has answered nothing for 0.5 s (`timeout`)"), None, None]


def test_each_limit_counts_from_the_latest_answer() -> None:
    """Of limits that differ, the shorter one ends first, whichever was begun first; what failed is no answer."""

    async def one(patience: Patience, timeout_s: float, work: Awaitable[object]) -> tuple[str, float]:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with patience.limit(timeout_s):
                await work
        except CallFailed as failed:
            assert failed.kind == "timeout"
            return "given up", clock() - started
        except ValueError:
            return "failed", clock() - started
        return "answered", clock() - started

    async def fails(after_s: float) -> None:
        await asyncio.sleep(after_s)
        raise ValueError

    async def work() -> list[tuple[str, float]]:
        patience, never = Patience(), asyncio.Event()
        asked = [(2.0, never.wait()), (0.6, never.wait()), (5.0, asyncio.sleep(0.4)), (5.0, fails(0.8))]
        ended = await asyncio.gather(*(one(patience, *each) for each in asked))
        assert not patience._waiting
        return [*ended, await one(patience, 0.2, never.wait())]

    wanted = [("given up", 2.4), ("given up", 1.0), ("answered", 0.4), ("failed", 0.8), ("given up", 0.2)]
    ended = asyncio.run(work())
    assert [how for how, _ in ended] == [how for how, _ in wanted]
    for (_, took), (_, least) in zip(ended, wanted, strict=True):
        assert least - 0.01 < took < least + 0.5


def test_whoever_is_cancelled_is_obeyed() -> None:
    async def work() -> None:
        patience = Patience()

        async def waits() -> None:
            async with patience.limit(30):
                await asyncio.Event().wait()

        waiting = asyncio.create_task(waits())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not patience._waiting

    asyncio.run(work())
