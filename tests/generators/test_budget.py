"""Caps: what is counted, where they stop a run, and how long calls in flight have then."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from prefmill.generators.budget import Budget, Caps, budget_of, check_prices
from prefmill.generators.halt import Halt
from prefmill.generators.ledger import Call, Ledger
from prefmill.generators.providers import Price
from prefmill.generators.providers.openai import OpenAI
from prefmill.generators.providers.recorded import Recorded
from prefmill.schemas.errors import CapReached, Stopped, UserError


def call(key: str, model: str, cost_usd: float | None, status: str = "ok") -> Call:
    return Call(key, "answers", model, "t", 0, "{}", status, "", None, 1000, 500, cost_usd, 1, 0.1, 1.0)


def test_without_caps_nothing_ever_stops() -> None:
    budget, halt = Budget(), Halt()
    for _ in range(1000):
        budget.check(halt)
        budget.pay(1e6)
    assert not halt.requested.is_set()
    assert (budget.calls, budget.spent_usd) == (1000, 1e9)


def test_dollars_stop_once_they_are_spent() -> None:
    budget, halt = Budget(Caps(usd=0.05), grace_s=600), Halt()
    budget.check(halt)
    budget.pay(0.0499)
    budget.check(halt)
    budget.pay(0.0002)
    with pytest.raises(CapReached, match=r"^--max-usd 0\.05 is reached$") as stopped:
        budget.check(halt)
    assert halt.reason is stopped.value
    assert isinstance(stopped.value, Stopped)
    budget.pay(0.001)  # It was in flight.
    told = budget.told(stopped.value)
    assert str(told) == "--max-usd 0.05 is reached: $0.0511 spent in this run"
    assert (told.option, told.higher) == ("--max-usd", 0.1)


def test_calls_are_counted_when_they_begin_and_repeated_attempts_are_not() -> None:
    budget, halt = Budget(Caps(calls=3), calls=1), Halt()
    budget.check(halt)
    budget.check(halt)
    budget.check(halt, attempt=2)
    with pytest.raises(CapReached, match="--max-calls 3 is reached"):
        budget.check(halt)
    budget.pay(None)
    budget.pay(None)
    told = budget.told(CapReached("--max-calls 3 is reached", "--max-calls"))
    assert str(told) == "--max-calls 3 is reached: 3 calls made in this run"
    assert told.higher == 6


def test_a_cap_below_what_is_spent_already_stops_at_once_and_names_one_that_is_enough() -> None:
    budget, halt = Budget(Caps(usd=1), spent_usd=7.4), Halt()
    with pytest.raises(CapReached):
        budget.check(halt)
    assert isinstance(halt.reason, CapReached)
    higher = budget.told(halt.reason).higher
    assert higher is not None
    assert higher > 7.4


@pytest.mark.parametrize("caps", [Caps(usd=0), Caps(calls=0), Caps(hours=0)])
def test_nothing_is_sent_under_a_cap_of_zero(caps: Caps) -> None:
    with pytest.raises(CapReached):
        Budget(caps).check(Halt())


def test_hours_count_from_the_start_of_this_invocation() -> None:
    halt = Halt()
    Budget(Caps(hours=1)).check(halt)
    late = Budget(Caps(hours=1), started=time.monotonic() - 3601)
    with pytest.raises(CapReached) as stopped:
        late.check(halt)
    told = late.told(stopped.value)
    assert str(told) == "--max-hours 1 is reached: 1 hours this time"
    assert told.higher is None


def test_what_lies_in_the_ledger_is_spent_already(tmp_path: Path) -> None:
    """Also what was asked before its price was known: at the price that is known now."""
    priced = OpenAI(model="a", base_url="http://h/v1", price=Price(input=2, output=4), timeout=70)
    unpriced = OpenAI(model="b", base_url="http://h/v1", timeout=30)

    async def fill(ledger: Ledger) -> None:
        await ledger.record(call("1", "a", 0.5))
        await ledger.record(call("2", "a", None))
        await ledger.record(call("3", "b", None, status="timeout"))

    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(fill(ledger))
        budget = budget_of(Caps(usd=9), ledger, [priced, unpriced])
    assert budget.calls == 3
    assert budget.spent_usd == pytest.approx(0.5 + (1000 * 2 + 500 * 4) / 1e6)
    assert budget.grace_s == 70


def test_dollars_cannot_be_capped_without_prices(tmp_path: Path) -> None:
    recorded = Recorded(model="r", path=str(tmp_path / "none"))
    own = OpenAI(model="m", name="mine", base_url="http://localhost:8000/v1")
    free = OpenAI(model="f", base_url="http://localhost:8000/v1", price=Price(input=0, output=0))
    check_prices(Caps(usd=1), [recorded, free, OpenAI(model="gpt-4o-mini")])
    check_prices(Caps(calls=1, hours=1), [own])
    with pytest.raises(UserError, match=r"no price is known of mine\. Give each .* `price: {input: ") as refused:
        check_prices(Caps(usd=1), [recorded, own, free])
    assert "\n" not in str(refused.value)


async def _seconds_until_over(halt: Halt) -> float:
    started = time.monotonic()
    await asyncio.wait_for(halt.over(), 5)
    return time.monotonic() - started


def test_a_cap_waits_for_calls_in_flight_and_an_interrupt_ends_that() -> None:
    async def whole() -> tuple[float, Halt]:
        halt = Halt(grace_s=0.1)
        halt.request(CapReached("cap", "--max-usd"), grace_s=600)
        asyncio.get_running_loop().call_later(0.2, halt.request, Stopped("stopped by SIGINT"))
        return await _seconds_until_over(halt), halt

    seconds, halt = asyncio.run(whole())
    assert 0.25 < seconds < 2
    assert str(halt.reason) == "cap", "the first reason stays"


def test_a_longer_grace_does_not_prolong_a_shorter_one() -> None:
    async def whole() -> float:
        halt = Halt(grace_s=0.1)
        halt.request(Stopped("stopped by SIGINT"))
        halt.request(CapReached("cap", "--max-usd"), grace_s=600)
        return await _seconds_until_over(halt)

    assert asyncio.run(whole()) < 2


def test_without_a_request_it_is_never_over() -> None:
    async def whole() -> None:
        await asyncio.wait_for(Halt().over(), 0.1)

    with pytest.raises(TimeoutError):
        asyncio.run(whole())
