"""Asking an endpoint about batches while it may be away, and making a batch exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...schemas.errors import CallFailed
from ..limits import wait_before
from .endpoint import BatchEndpoint, Progress
from .record import BatchRecord

T = TypeVar("T")

PATIENCE = 40
"""How often a question is asked while the endpoint cannot be reached: for about 20 minutes."""


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again while the endpoint cannot be reached. Not for making batches. Raises `CallFailed`."""
    attempt = 1
    while True:
        attempt += 1
        try:
            return await ask()
        except CallFailed as failed:
            if failed.fatal or failed.kind == "rejected" or attempt > PATIENCE:
                raise
            await asyncio.sleep(wait_before(attempt, failed.retry_after))


async def make(endpoint: BatchEndpoint, record: BatchRecord, pause_s: float) -> Progress:
    """Make the batch of an uploaded file. Where it stays unsaid whether it was made, it is searched before it is made
    again. Raises `CallFailed`."""
    attempt = 1
    while True:
        attempt += 1
        try:
            return await endpoint.create(record)
        except CallFailed as failed:
            if failed.fatal or failed.kind in ("rejected", "rate_limited") or attempt > PATIENCE:
                raise
            await asyncio.sleep(wait_before(attempt, failed.retry_after))
        if (made := await search(endpoint, record, pause_s)) is not None:
            return made


async def search(endpoint: BatchEndpoint, record: BatchRecord, pause_s: float) -> Progress | None:
    """The batch of a record that was cut off while it was made, or None; a slow endpoint has `pause_s` to list it."""
    for again in (False, True):
        if again:
            await asyncio.sleep(pause_s)
        found = await patiently(lambda: endpoint.find(record))
        if found is not None:
            return found
    return None
