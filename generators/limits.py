"""How many calls may be open at one endpoint, and how long to wait before one is sent again.

A slot is held from sending until the reply is in the ledger, so that what a crash can cost is at most one slot each.
Waiting for another attempt holds no slot.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class Slots:
    """A fixed number of slots at one endpoint, handed out in the order of asking."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = asyncio.Semaphore(size)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold one slot."""
        async with self._free:
            yield


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
