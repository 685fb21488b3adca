"""What a run asks of its process while it goes on: signals, the garbage collector, turns between threads."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..generators.halt import Halt
from ..schemas.errors import Stopped


@contextmanager
def stopped_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C before the stages run and after them; in between it is `interruptible`'s."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("stopped by SIGINT") from None


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep Python's cyclic garbage collector from going through all imported modules again and again.

    distilabel's imports are about a million objects: each full collection would hold up every call for half a second.
    """
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


@contextmanager
def quick_turns() -> Iterator[None]:
    """Give the event loop its turn soon while a thread reads the source or writes a part: 5 ms is Python's default."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


@contextmanager
def interruptible(halt: Halt) -> Iterator[None]:
    """Ctrl-C and SIGTERM request a halt. Outside the main thread signals are the caller's matter."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    try:
        for number in signals:
            loop.add_signal_handler(number, halt.request, Stopped(f"stopped by {signal.Signals(number).name}"))
    except (RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
