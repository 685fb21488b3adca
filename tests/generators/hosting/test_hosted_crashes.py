"""Hosted models that crash or cannot be loaded, in the middle of many calls: what is sent again, and when it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.calls import Outcome
from prefmill.generators.hosting.pool import Pool
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Site
from prefmill.generators.providers.vllm_server import VLLMServer
from prefmill.schemas.errors import EndpointError

if TYPE_CHECKING:
    from ..conftest import CallerTo, RequestFor
    from .conftest import FakeVLLM


def calls(
    entry: VLLMServer, folder: Path, caller_to: CallerTo, request_for: RequestFor, count: int
) -> tuple[list[Outcome | BaseException], Pool]:
    """So many calls at once, through a pool and with a ledger; what became of each."""

    async def work() -> tuple[list[Outcome | BaseException], Pool]:
        pool = Pool(folder / "engines", ())
        with Ledger.open(folder / "ledger.sqlite") as ledger:
            async with entry.open(Site(engines=pool)) as connection:
                await pool.admit([entry])
                caller = caller_to(entry, connection, ledger)
                try:
                    asked = (caller.call(request_for(f"question {number}")) for number in range(count))
                    return await asyncio.gather(*asked, return_exceptions=True), pool
                finally:
                    await pool.close()

    return asyncio.run(work())


@pytest.mark.parametrize("lingers", ["0", "1"])
def test_a_crash_repeats_what_was_in_flight_and_nothing_else(
    fake_vllm: FakeVLLM, caller_to: CallerTo, request_for: RequestFor, *, tmp_path: Path, lingers: str
) -> None:
    """Whether the whole server dies at once, or its engine does and the server says HTTP 500 for a while."""
    entry = fake_vllm.entry(
        "--child", "--crash-after", "100", "--seconds", "0.05", "--lingers", lingers, max_in_flight=16
    )
    outcomes, pool = calls(entry, tmp_path, caller_to, request_for, 200)
    texts = [outcome.reply.text for outcome in outcomes if isinstance(outcome, Outcome) and outcome.reply]
    assert texts == [f"org/m on question {number}" for number in range(200)]
    heard = Counter(fake_vllm.heard())
    assert len(heard) == 200
    repeated = sum(count - 1 for count in heard.values())
    assert 1 <= repeated <= 16 * (1 if lingers == "0" else 2)
    (hosting,) = pool.hostings().values()
    assert (hosting.loads, hosting.crashes, len(fake_vllm.starts())) == (2, 1, 2)
    assert fake_vllm.left() == []


def test_it_gives_up_after_so_many_crashes(
    fake_vllm: FakeVLLM, caller_to: CallerTo, request_for: RequestFor, tmp_path: Path
) -> None:
    entry = fake_vllm.entry("--crash-after", "10", "--crashes", "9", max_in_flight=8, restarts=1)
    outcomes, _ = calls(entry, tmp_path, caller_to, request_for, 100)
    answered = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    assert all(outcome.failure is None for outcome in answered)
    assert 4 <= len(answered) <= 20
    said = {str(outcome) for outcome in outcomes if not isinstance(outcome, Outcome)}
    logs = tmp_path / "engines"
    assert said == {f"org/m: the model has crashed 2 times (`restarts: 1`). See the logs in {logs}."}
    assert len(fake_vllm.starts()) == 2
    assert fake_vllm.left() == []


def test_what_cannot_be_loaded_is_tried_once(
    fake_vllm: FakeVLLM, caller_to: CallerTo, request_for: RequestFor, tmp_path: Path
) -> None:
    """Though many calls wait for it, and no row fails because of it."""
    outcomes, _ = calls(fake_vllm.entry("--fails", "ValueError: no"), tmp_path, caller_to, request_for, 20)
    assert {type(outcome) for outcome in outcomes} == {EndpointError}
    assert all("vLLM did not start: ValueError: no (log: " in str(outcome) for outcome in outcomes)
    assert len(fake_vllm.starts()) == 1
