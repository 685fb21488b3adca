"""Stopping a run: one switch that everything which sends calls looks at."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress

from ..schemas.errors import PrefmillError


class Halt:
    """Set once, with the reason. Calls in flight may finish within a grace; nothing further is sent."""

    def __init__(self, grace_s: float = 1.0) -> None:
        self.grace_s = grace_s
        """Seconds that calls in flight have, where a request does not say otherwise."""
        self.requested = asyncio.Event()
        self.reason: PrefmillError | None = None
        self._until = math.inf
        self._sooner = asyncio.Event()

    def request(self, reason: PrefmillError, grace_s: float | None = None) -> None:
        """Stop for this reason. Of a later request only the shorter grace counts: Ctrl-C ends a cap's long one."""
        if not self.requested.is_set():
            self.reason = reason
            self.requested.set()
        self._until = min(self._until, time.monotonic() + (self.grace_s if grace_s is None else grace_s))
        self._sooner.set()

    async def over(self) -> None:
        """Returns once a stop was requested and its grace has passed."""
        await self.requested.wait()
        while (left := self._until - time.monotonic()) > 0:
            self._sooner.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), left)
