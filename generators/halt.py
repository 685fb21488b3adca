"""Stopping a run: one switch that everything which sends calls looks at."""

from __future__ import annotations

import asyncio

from ..schemas.errors import PrefmillError


class Halt:
    """Set once, with the reason. Calls in flight may finish within `grace_s`; nothing further is sent."""

    def __init__(self, grace_s: float = 1.0) -> None:
        self.grace_s = grace_s
        self.requested = asyncio.Event()
        self.reason: PrefmillError | None = None

    def request(self, reason: PrefmillError) -> None:
        """Stop for this reason; later reasons are ignored."""
        if not self.requested.is_set():
            self.reason = reason
            self.requested.set()
