"""Hedging: a call that hangs is sent a second time, once, and the first reply of the two counts.

"Hangs" is measured: open for longer than twice the 99th percentile of this model's replies so far, and than
`LEAST_S`. At most one call in `ONE_IN` is hedged, so a server that slows down as a whole is not sent everything twice.
After Dean and Barroso, The Tail at Scale (CACM 2013), section on hedged requests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine

from ..schemas.errors import CallFailed
from .providers import Reply

LEAST_S = 2.0
"""Seconds a call is open at least before it is hedged."""
ENOUGH = 100
"""Replies after which the percentile says something."""
ONE_IN = 50
"""Of so many calls, one may be hedged."""
Ask = Callable[[], Coroutine[object, object, Reply]]
_KEPT = 1000
_EVERY = 50


class Hedging:
    """Latencies of one model, and sending what hangs a second time."""

    def __init__(self) -> None:
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._seen = 0
        self.sent = 0
        """Calls that were sent a second time."""
        self.after_s: float | None = None
        """Seconds after which a call hangs; None while too little is known."""

    def saw(self, latency_s: float) -> None:
        """A reply came, so many seconds after it was asked for."""
        self._latencies.append(latency_s)
        self._seen += 1
        if self._seen >= ENOUGH and self._seen % _EVERY == 0:
            ordered = sorted(self._latencies)
            self.after_s = max(LEAST_S, 2 * ordered[int(0.99 * (len(ordered) - 1))])

    async def first(self, ask: Ask, hedged: Callable[[], None]) -> Reply:
        """The first reply of `ask`, which is called a second time where the first call hangs.

        `hedged` is told when that happens. Raises `CallFailed` of the second call where both fail.
        """
        if self.after_s is None:
            return await ask()
        task = asyncio.current_task()
        assert task is not None
        call = _Hedged(task, ask, hedged)
        timer = asyncio.get_running_loop().call_later(self.after_s, self._hangs, call)
        try:
            return await ask()
        except CallFailed:
            if call.second is None:
                raise
            call.over = True
            return await call.second
        except asyncio.CancelledError:
            # Cancelled by the second call, which was faster; or by somebody else, who is to be obeyed.
            if not call.beaten or call.second is None or task.uncancel():
                raise
            return call.second.result()
        finally:
            timer.cancel()
            call.over = True
            if call.second is not None:
                call.second.cancel()

    def _hangs(self, call: _Hedged) -> None:
        if self.sent * ONE_IN > self._seen:
            return
        self.sent += 1
        call.start()


class _Hedged:
    """A call that may be sent a second time. No task is made for it unless that happens."""

    def __init__(self, task: asyncio.Task[object], ask: Ask, hedged: Callable[[], None]) -> None:
        self._task, self._ask, self._hedged = task, ask, hedged
        self.second: asyncio.Task[Reply] | None = None
        self.beaten = self.over = False

    def start(self) -> None:
        """Send it a second time."""
        self._hedged()
        self.second = asyncio.ensure_future(self._ask())
        self.second.add_done_callback(self._done)

    def _done(self, second: asyncio.Task[Reply]) -> None:
        """The second call has ended: where it brings a reply, the first one need not go on."""
        if not second.cancelled() and second.exception() is None and not self.over:
            self.beaten = True
            self._task.cancel()
