"""How many calls may be open at one endpoint, and how long to wait before one is sent again.

A slot is held from sending until the reply is in the ledger, so that what a crash can cost is at most one slot each.
Waiting for another attempt holds no slot.

The level starts at what the recipe says and follows the endpoint. HTTP 429 lowers it to what the endpoint was seen to
carry (calls still open, or by Little's law the replies of one round trip); once the wait the endpoint asked for is
over it goes back to where it was in one step, and only where that is refused again does it halve the way and wait
twice as long. Where nothing at all gets through, or the headers say that the quota is used up, nobody sends until the
endpoint's own time. A server that never refuses but queues (vLLM) is followed by `load.py` instead.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
MOST_DOUBLINGS = 5
"""How often the wait before going back up is doubled."""


class Slots:
    """Slots at one endpoint, handed out in the order of asking; how many there are follows the endpoint.

    `async with slots:` holds one.
    """

    def __init__(self, size: int) -> None:
        self.ceiling = size
        self.level = size
        """Slots there are now."""
        self.open = 0
        """Slots that are held."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._shut_until = 0.0
        self._opening: asyncio.TimerHandle | None = None
        self._before: int | None = None
        self._back_at = 0.0
        self._calm_at = 0.0
        self._event_until = 0.0
        self._refused_again = 0
        self._latency_s = 0.2
        self._answers: deque[float] = deque()

    async def __aexit__(self, *_: object) -> None:
        """Give the slot back."""
        self.open -= 1
        if self._waiting:
            self._wake()

    async def __aenter__(self) -> None:
        """Hold one slot, when it is this one's turn."""
        loop = asyncio.get_running_loop()
        if not self._waiting and self._room(loop.time()):
            self.open += 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            # The slot may have been handed over in the same step of the loop in which this wait was cancelled.
            if turn.done() and not turn.cancelled():
                self.open -= 1
            self._wake()
            raise

    def _room(self, now: float) -> bool:
        return self.open < self.level and now >= self._shut_until

    def _wake(self) -> None:
        """Hand free slots to those who wait longest; come back when the endpoint's own time is over."""
        loop = asyncio.get_running_loop()
        # Read once: were the shut time to end between two looks, nobody would be let in and nobody would come back.
        now = loop.time()
        while self._waiting and self._room(now):
            turn = self._waiting.popleft()
            if not turn.done():
                self.open += 1
                turn.set_result(None)
        if self._waiting and self._shut_until > now and self._opening is None:
            self._opening = loop.call_at(self._shut_until, self._reopen)

    def _reopen(self) -> None:
        self._opening = None
        self._wake()

    def answered(self, latency_s: float) -> None:
        """A reply came, so many seconds after it was asked for."""
        now = asyncio.get_running_loop().time()
        self._latency_s += (latency_s - self._latency_s) / 16
        self._answers.append(now)
        self._forget(now)
        if self._before is not None and now >= self._back_at:
            self.resize(self._before)
            self._before = None
            # What was sent below the old level still comes back; only after that is the new one known to hold.
            self._calm_at = now + 2 * self._latency_s
        elif self._before is None and now >= self._calm_at:
            self._refused_again = 0

    def refused(self, retry_after: float | None) -> None:
        """HTTP 429 came, for a call that still holds its slot."""
        now = asyncio.get_running_loop().time()
        self._forget(now)
        wait = FIRST_WAIT_S if retry_after is None else min(retry_after, LONGEST_WAIT_S)
        carried = max(self.open - 1, len(self._answers))
        if now >= self._event_until:
            # A first refusal after a while; those that follow within a round trip belong to the same burst.
            self._event_until = now + self._latency_s
            full = self.level if self._before is None else self._before
            self._before = full if not self._refused_again else max(1, (carried + full) // 2)
            self._back_at = now + max(wait, self._latency_s) * 2**self._refused_again
            self._refused_again = min(self._refused_again + 1, MOST_DOUBLINGS)
        self.level = max(1, min(self.level, carried))
        if not carried:
            self.shut(wait)

    def patience(self, retry_after: float | None) -> float:
        """Seconds that a refused call waits before it queues again.

        The endpoint's own wait is kept by the level, which stays low for so long. The call itself need only miss a
        round trip: were all refused calls to sit that time out, the slots that the endpoint does carry would stand
        empty.
        """
        wait = FIRST_WAIT_S if retry_after is None else min(retry_after, LONGEST_WAIT_S)
        return min(wait, max(self._latency_s, wait / 4)) * random.uniform(1, 1.1)

    def shut(self, seconds: float) -> None:
        """Let nobody send for so long: the quota is used up."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_WAIT_S)
        self._shut_until = max(self._shut_until, until)

    def resize(self, level: int) -> None:
        """Have so many slots, between 1 and the ceiling."""
        self.level = max(1, min(level, self.ceiling))
        self._wake()

    def _forget(self, now: float) -> None:
        while self._answers and self._answers[0] < now - self._latency_s:
            self._answers.popleft()


def wait_before(attempt: int, retry_after: float | None) -> float:
    """Seconds to wait before attempt number `attempt` (2 is the first repetition).

    What the server asks for is honoured; otherwise exponential with full jitter from half the step, capped
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    """
    if retry_after is not None:
        # A little spread keeps the calls of one rejected burst from coming back as one burst.
        return min(retry_after, LONGEST_WAIT_S) + random.uniform(0, 0.1)
    step = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 2))
    return random.uniform(step / 2, step)
