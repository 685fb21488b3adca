"""Slots and waiting times."""

from __future__ import annotations

import asyncio

import pytest

from prefmill.generators.limits import FIRST_WAIT_S, LONGEST_WAIT_S, Slots, wait_before


def test_slots_are_never_more_than_the_size_and_go_out_in_order() -> None:
    async def work() -> tuple[int, list[int]]:
        slots, open_now, peak = Slots(3), 0, 0
        order: list[int] = []

        async def one(number: int) -> None:
            nonlocal open_now, peak
            async with slots:
                order.append(number)
                open_now += 1
                peak = max(peak, open_now)
                await asyncio.sleep(0.001)
                open_now -= 1

        await asyncio.gather(*(one(number) for number in range(30)))
        return peak, order

    assert asyncio.run(work()) == (3, list(range(30)))


def test_a_slot_comes_back_after_an_error() -> None:
    async def work() -> None:
        slots = Slots(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with slots:
                    raise ZeroDivisionError
        async with asyncio.timeout(1), slots:
            pass

    asyncio.run(work())


@pytest.mark.parametrize("attempt", range(2, 14))
def test_waits_grow_and_are_spread(attempt: int) -> None:
    step = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 2))
    waits = [wait_before(attempt, None) for _ in range(400)]
    assert step / 2 <= min(waits) < step * 0.55
    assert step * 0.95 < max(waits) <= step


@pytest.mark.parametrize(("asked", "least"), [(0.0, 0.0), (2.5, 2.5), (600.0, LONGEST_WAIT_S)])
def test_what_the_server_asks_for_is_kept_up_to_a_bound(asked: float, least: float) -> None:
    waits = [wait_before(9, asked) for _ in range(400)]
    assert least <= min(waits)
    assert max(waits) <= least + 0.1
    assert max(waits) - min(waits) > 0.05


class _Ticking(asyncio.SelectorEventLoop):
    """A loop whose clock goes on between two looks at it, as uvloop's does."""

    step = 0.0

    def time(self) -> float:
        self.step += 0.01
        return super().time() + self.step


def test_nobody_is_forgotten_when_the_shut_time_ends_between_two_looks() -> None:
    async def whole(shut_s: float) -> None:
        slots = Slots(1)
        slots.shut(shut_s)
        async with asyncio.timeout(30), slots:
            pass

    for hundredths in range(1, 12):
        with asyncio.Runner(loop_factory=_Ticking) as runner:
            runner.run(whole(hundredths / 100 + 0.005))
