"""A connection in batch mode: calls wait together until a batch has answered them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ...schemas.errors import CallFailed, Stopped
from ..asking import call_key, request_body
from ..limits import Slots
from ..providers import Connection, Reply, Request, Site
from .book import Book
from .courier import Courier
from .endpoint import reach
from .forming import line_of
from .record import Shelf
from .results import Item

if TYPE_CHECKING:
    from ..providers.openai import OpenAI


@asynccontextmanager
async def batching(provider: OpenAI, online: Connection, site: Site) -> AsyncIterator[Connection]:
    """The connection of a provider: `online` itself, or one that goes through batches.

    In mode `online`, requests that stand in a batch of an earlier run still get its results: they are paid for.
    """
    with ExitStack() as stack:
        folder = site.folder or Path(stack.enter_context(TemporaryDirectory(prefix="prefmill-")))
        shelf = Shelf(folder, provider.label)
        records = shelf.records()
        if provider.mode == "online" and not records:
            yield online
            return
        async with reach(provider) as endpoint:
            book = Book(shelf, records, provider.batch.price_factor, site.retry_failed)
            courier = Courier(provider, endpoint, book, site.stopping)
            try:
                yield BatchConnection(provider, online, book, courier, site.stopping)
            finally:
                await courier.close()


class BatchConnection:
    """Answers calls from batches; what a batch does not answer goes the way of `batch.fallback`."""

    def __init__(
        self,
        provider: OpenAI,
        online: Connection,
        book: Book,
        courier: Courier,
        stopping: asyncio.Event | None,
    ) -> None:
        self._provider, self._online, self._book, self._courier = provider, online, book, courier
        self._stopping = stopping
        # Batch mode opens as many calls as wait for batches; single ones keep the endpoint's own limit.
        self._singles = Slots(provider.max_in_flight)

    async def complete(self, request: Request) -> Reply:
        """One attempt: the reply of the batch that the request stands in, or is put into; see `Connection`."""
        body = request_body(self._provider, request)
        key = call_key(self._provider, body, request.sample)
        await self._courier.begin()
        if self._provider.mode == "online" and not self._book.holds(key):
            return await self._online.complete(request)
        item = await self._item(key, body, request)
        if isinstance(item, Reply):
            return item
        if item.fatal or item.kind == "content_filter" or self._provider.batch.fallback == "fail":
            raise item
        return await self._single(request)

    async def _single(self, request: Request) -> Reply:
        async with self._singles:
            if self._stopping is not None and self._stopping.is_set():
                raise Stopped("the run is stopping")
            started = time.monotonic()
            try:
                reply = await self._online.complete(request)
            except CallFailed as failed:
                if failed.kind == "rate_limited":
                    self._singles.refused(failed.retry_after)
                raise
            self._singles.answered(time.monotonic() - started)
            return reply

    async def _item(self, key: str, body: bytes, request: Request) -> Item:
        item = self._book.known(key)
        if item is None:
            # Shielded: the same request may be wanted by another call as well.
            told = await asyncio.shield(self._book.wanted(line_of(key, body, request), self._courier.pending))
            if not isinstance(told, Reply | CallFailed):
                raise told
            item = told
        return item

    async def load(self) -> None:
        """Whoever waits for a batch does not hurry: the server's load does not matter."""

    async def check(self) -> None:
        """As for single calls; see `Connection.check`."""
        await self._online.check()
