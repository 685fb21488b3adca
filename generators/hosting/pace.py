"""How long a loaded model takes: for its requests one by one, and in all while it has any."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Pace:
    """Seconds of work on requests, loading left out."""

    calls: int = 0
    """Requests that have ended, failed ones included."""
    calls_s: float = 0.0
    """Sum of their durations."""
    busy_s: float = 0.0
    """Time with at least one request under way."""
    open: int = 0
    """Requests under way."""
    _since: float = 0.0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one request."""
        started = time.monotonic()
        if not self.open:
            self._since = started
        self.open += 1
        try:
            yield
        finally:
            now = time.monotonic()
            self.open -= 1
            self.calls += 1
            self.calls_s += now - started
            if not self.open:
                self.busy_s += now - self._since
