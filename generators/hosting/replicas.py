"""Copies of one model, each on GPUs of its own, as one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..providers import Reply, Request
from .engine import Engine, Served


class Replicas(Engine):
    """Engines that load the same. A request goes to the one with the fewest open, so all have full batches."""

    def __init__(self, copies: Sequence[Engine]) -> None:
        self._copies = tuple(copies)
        self._open = [0] * len(self._copies)

    async def start(self) -> None:
        """Load them, all at once: each has memory of its own. See `Engine.start`."""
        ended = await asyncio.gather(*(copy.start() for copy in self._copies), return_exceptions=True)
        for error in ended:
            if error is not None:
                await self.stop()
                raise error

    async def complete(self, request: Request, adapter: str | None, timeout_s: float) -> Reply:
        """See `Engine.complete`."""
        place = min(range(len(self._copies)), key=self._open.__getitem__)
        self._open[place] += 1
        try:
            return await self._copies[place].complete(request, adapter, timeout_s)
        finally:
            self._open[place] -= 1

    def alive(self) -> bool:
        """Whether all are: a copy that died is loaded again with the others."""
        return all(copy.alive() for copy in self._copies)

    async def sleep(self) -> bool:
        """See `Engine.sleep`. Either all sleep or none is used again."""
        return all(await asyncio.gather(*(copy.sleep() for copy in self._copies)))

    async def wake(self) -> None:
        """See `Engine.wake`."""
        await asyncio.gather(*(copy.wake() for copy in self._copies))

    async def stop(self) -> None:
        """See `Engine.stop`."""
        await asyncio.gather(*(copy.stop() for copy in self._copies))

    async def served(self) -> Served:
        """Of all copies together."""
        each = await asyncio.gather(*(copy.served() for copy in self._copies))
        return Served(
            sum(one.prompt_tokens for one in each),
            sum(one.cached_tokens for one in each),
            sum(one.completion_tokens for one in each),
        )
