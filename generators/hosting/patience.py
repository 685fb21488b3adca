"""How long to wait for an engine: for as long as it answers anything.

An engine works on so many requests at a time as it has room for and queues the others, so a request's own age says
nothing about whether it will be answered. One that hangs answers none.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...schemas.errors import CallFailed


class Patience:
    """The requests that one engine has, and when it last answered one.

    One timer for all of them, which is looked at when it is over: an answer only notes its time.
    """

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Timeout, tuple[float, float]] = {}
        """Limit of each request -> when it was handed over, and its seconds without any answer."""
        self._answered = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf
        """When the timer is over."""

    @asynccontextmanager
    async def limit(self, timeout_s: float) -> AsyncIterator[None]:
        """Around one request, whose regular end is an answer. Raises `CallFailed` once neither this request nor any
        other of the engine has been answered for `timeout_s` seconds, counted from when this one was handed over."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(None) as limit:
                self._waiting[limit] = (now := clock()), timeout_s
                if now + timeout_s < self._due:
                    self._look_at(now + timeout_s)
                try:
                    yield
                finally:
                    self._waiting.pop(limit, None)
        except TimeoutError as error:
            raise CallFailed("timeout", f"the engine has answered nothing for {timeout_s:g} s (`timeout`)") from error
        self._answered = clock()

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = asyncio.get_running_loop().call_at(when, self._look), when

    def _look(self) -> None:
        """End the requests whose time is over; come back when it is for the next one."""
        self._timer, self._due = None, math.inf
        now = asyncio.get_running_loop().time()
        due = {limit: max(since, self._answered) + seconds for limit, (since, seconds) in self._waiting.items()}
        for limit, when in due.items():
            if when <= now:
                del self._waiting[limit]
                limit.reschedule(now)
        if self._waiting:
            self._look_at(min(due[limit] for limit in self._waiting))
