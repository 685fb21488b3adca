"""What `prefmill doctor` looks at: one function a check, each of which returns a row and raises nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")

PROBE_S = 6.0
"""Seconds that one check may take; nearly all run at the same time, so that everything ends within ten or so."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "red", "skipped"]
    """`red`: a run would fail, or its figures be wrong; `skipped`: nothing could be said, or nothing was to be said."""
    found: str
    fix: str = ""
    """What to do about it, in one line."""


async def in_thread(work: Callable[[], T]) -> T:
    """The result of blocking work. Raises what it raises, and `TimeoutError` after `PROBE_S`.

    The thread is a daemon: one that hangs in a dead file system must not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if ended.done():
            return
        if error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(result)  # type: ignore[arg-type]  # None only where T is None

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as problem:  # noqa: BLE001 - it is raised again, on the loop
            error = problem
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="check", daemon=True).start()
    return await asyncio.wait_for(ended, PROBE_S)
