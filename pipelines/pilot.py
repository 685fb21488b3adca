"""The pilot of a run: its first comparisons in source order, what they taught, and who waits for that.

Which comparisons are of the pilot follows from the source alone, never from which call was fast: comparison number k
of the run is the k-th of all those that the lines of the source lead to, in source order. A resumed run finds the same
calls in its ledger and learns the same.

Nothing waits for ever. A line is let into the run only while all that are in it find room in the judging step, so a
line of the pilot always gets there, whatever waits there already. Where a line is given up on the way, the run is
going to end as stopped, and everything that waits is given up with it. Where a line is put off, because a model that it
needs is not loaded in this pass, the pilot cannot end in this pass: every other line goes as far as it can without it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..generators.halt import Halt
from ..generators.learned import Learned
from ..generators.protocols import Piloted
from ..schemas.errors import EndpointError, PutOff, Stopped
from ..schemas.rows import Judgment
from .stages import Answered, Seed

AHEAD = 2048
"""Lines that may go as far as they can without the pilot, while its slowest call is under way."""


@asynccontextmanager
async def conducted(pilot: Pilot) -> AsyncIterator[None]:
    """Give the pilot up as soon as a stop is requested: what waits for it must not use up the grace."""

    async def heed() -> None:
        await pilot.halt.requested.wait()
        pilot.give_up()

    heeding = asyncio.create_task(heed())
    try:
        yield
    finally:
        heeding.cancel()


@dataclass
class Pilot:
    """Hears the first comparisons and tells the others what they taught."""

    protocol: Piloted
    teachers: Sequence[str]
    halt: Halt
    room: int
    """Lines that may be in the run at one time until the pilot is over; the judging step has to have as many open."""
    spoiled: Callable[[], bool] = lambda: False
    """Whether something was put off, so that lines may be missing."""
    learned: Learned | None = None
    """What it taught; None until it is over."""
    _given_up: bool = False
    _put_off: bool = False
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    """Learned or given up."""
    _arrived: dict[int, int] = field(default_factory=dict)
    """Place -> comparisons, of lines that are in the judging step while an earlier one is not."""
    _first: dict[int, int] = field(default_factory=dict)
    """Place -> number of its first comparison, of lines whose earlier ones have all arrived."""
    _next: int = 0
    """Place of the first line that has not arrived."""
    _count: int = 0
    """Comparisons of all lines before that."""
    _numbered: dict[int, asyncio.Event] = field(default_factory=dict)
    """Place -> set when it has a number."""
    _heard: dict[int, Sequence[Judgment]] = field(default_factory=dict)
    """Number of a comparison -> its judgments."""
    _entered: int = 0
    """Lines let in so far."""
    _came: int = 0
    """Lines that have arrived so far."""
    _ended: bool = False
    _done: int = 0
    """Lines that have left the judging step."""
    _outside: deque[tuple[int, asyncio.Event]] = field(default_factory=deque)
    """Lines that wait to be let in, in source order."""

    async def enter(self, place: int) -> None:
        """Wait until there is room for a line. Raises `Stopped` where the run stops."""
        if not self._over.is_set() and place >= self._done + self.room:
            entered = asyncio.Event()
            self._outside.append((place, entered))
            await entered.wait()
        if self._given_up:
            raise _stopped()
        self._entered += 1

    def arrive(self, place: int, comparisons: int) -> None:
        """A line is in the judging step, with so many comparisons."""
        if self._over.is_set():
            return
        self._came += 1
        self._arrived[place] = comparisons
        while (following := self._arrived.pop(self._next, None)) is not None:
            self._number(self._next, following)
        self._conclude()

    async def belongs(self, place: int, index: int) -> bool:
        """Whether comparison `index` of a line that has arrived is of the pilot. Raises `Stopped` and `PutOff`."""
        if self._put_off:
            raise _later()
        if place not in self._first and not self._over.is_set():
            await self._wait(self._numbered.setdefault(place, asyncio.Event()))
        first = self._first.get(place)
        return first is not None and first + index < self.protocol.pilot

    def hear(self, place: int, index: int, judgments: Sequence[Judgment]) -> None:
        """All judgments of a comparison of the pilot, those of the deciding reference mode."""
        self._heard[self._first[place] + index] = judgments
        self._conclude()

    async def wait(self) -> Learned:
        """What the pilot taught, once it is over. Raises `Stopped` where the run stops before, `PutOff` where it cannot
        end in this pass."""
        await self._over.wait()
        if self.learned is None:
            raise _later() if self._put_off else _stopped()
        return self.learned

    def leave(self) -> None:
        """A line has left the judging step."""
        self._done += 1
        while self._outside and self._outside[0][0] < self._done + self.room:
            self._outside.popleft()[1].set()

    def end(self) -> None:
        """No line will arrive but those that have entered: the pilot is what there is."""
        # Lines may be missing that are there the next time.
        if self.halt.requested.is_set():
            self.give_up()
        elif self.spoiled():
            self.give_up(_later())
        self._ended = True
        self._conclude()

    def give_up(self, why: Exception | None = None) -> None:
        """A line will not come through: the run ends as stopped, or this pass without the pilot where the line was put
        off."""
        if not self._over.is_set():
            self._given_up, self._put_off = not isinstance(why, PutOff), isinstance(why, PutOff)
            self._finish()

    def _number(self, place: int, comparisons: int) -> None:
        self._first[place], self._next = self._count, place + 1
        self._count += comparisons
        if (numbered := self._numbered.pop(place, None)) is not None:
            numbered.set()

    def _conclude(self) -> None:
        """Learn, where every comparison of the pilot is heard."""
        size, whole = min(self.protocol.pilot, self._count), self._ended and self._came == self._entered
        if self._over.is_set() or len(self._heard) < size or (size < self.protocol.pilot and not whole):
            return
        # In canonical order: sums of floats must not depend on who was first.
        self.learned = self.protocol.learn([self._heard[number] for number in range(size)], self.teachers)
        self._finish()

    def _finish(self) -> None:
        self._over.set()
        for event in (*self._numbered.values(), *(entered for _, entered in self._outside)):
            event.set()
        self._numbered.clear()
        self._outside.clear()
        self._arrived.clear()

    async def _wait(self, event: asyncio.Event) -> None:
        """Wait for an event. Raises `Stopped` where the pilot is given up instead, `PutOff` where it is put off."""
        await event.wait()
        if self._put_off:
            raise _later()
        if self._given_up:
            raise _stopped()


@dataclass(frozen=True)
class Admitted:
    """Stage `answers` of a run with a pilot: lets lines in while there is room, and tells the pilot of lost ones."""

    pilot: Pilot
    work: Callable[[Seed], Awaitable[Answered]]

    async def __call__(self, seed: Seed) -> Answered:
        """The work's result."""
        try:
            await self.pilot.enter(seed.place)
            return await self.work(seed)
        except (EndpointError, Stopped) as why:
            self.pilot.give_up(why)
            raise


def _later() -> PutOff:
    return PutOff("the pilot waits for a model that is not loaded in this pass")


def _stopped() -> Stopped:
    return Stopped("the run is stopping")
