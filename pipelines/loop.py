"""Running the one coroutine of a run on an event loop of its own, in a notebook too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from ..generators.halt import Halt
from ..schemas.errors import Stopped

T = TypeVar("T")


def run_loop(whole: Coroutine[Any, Any, T], halt: Halt) -> T:
    """Run a coroutine to its end and return its result.

    Where this thread has a running loop already, as in a notebook, it runs in a thread of its own meanwhile, and an
    interrupt requests `halt`: signals reach this thread only.
    """
    if not _running():
        return _run(whole)
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def told() -> T:
        started.set_result(asyncio.get_running_loop())
        return await whole

    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(_run, told())
        try:
            return ended.result()
        except KeyboardInterrupt:
            with suppress(RuntimeError):  # The loop is closed: the run has ended meanwhile.
                started.result().call_soon_threadsafe(halt.request, Stopped("stopped by an interrupt"))
            return ended.result()


def _run(whole: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, on uvloop: a call spends a third less CPU there, and at 256 in flight CPU is the limit."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole)


def _running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
