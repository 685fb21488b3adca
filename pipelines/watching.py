"""Telling a watcher how a run stands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import takewhile

from .progress import Progress, Snapshot
from .recipe import Recipe

Watch = Callable[[Snapshot], None]
"""Called a few times a second with the state of the run."""
WATCH_EVERY_S = 0.25


@asynccontextmanager
async def watched(recipe: Recipe, progress: Progress, watch: Watch | None) -> AsyncIterator[None]:
    """Tell `watch` how the run stands, a few times a second and once at the end."""
    if watch is None:
        yield
        return

    left = threading.Event()

    def counted() -> int | None:
        # The loop waits for its threads when it closes: a stop must not wait for the end of a long source.
        lines = sum(1 for _ in takewhile(lambda _: not left.is_set(), recipe.tasks.places()))
        return None if left.is_set() else lines

    async def count() -> None:
        progress.tasks_total = await asyncio.to_thread(counted)

    async def look() -> None:
        while True:
            watch(progress.snapshot())
            await asyncio.sleep(WATCH_EVERY_S)

    beside = [asyncio.create_task(count()), asyncio.create_task(look())]
    try:
        yield
    finally:
        left.set()
        for task in beside:
            task.cancel()
        watch(progress.snapshot())
