"""Brings batches to the endpoint and their results back; after a restart, finds those that are under way."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Coroutine
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...schemas.errors import CallFailed
from .book import Book
from .endpoint import BatchEndpoint, Progress
from .forming import Line, Pending
from .making import make, patiently, search
from .record import BatchRecord, write_whole

if TYPE_CHECKING:
    from ..providers.openai import OpenAI

MOST_REFUSALS = 8
"""Times in a row that the endpoint may have no room for a batch with no other batch of ours under way: half an hour."""
SLOWEST = 10
"""A batch is looked at no less often than every so many `poll_every`."""
TOO_LARGE = frozenset({"token_limit_exceeded"})
"""Codes of a batch that the endpoint has no room for now."""


class Courier:
    """Submits and follows the batches of one model in one stage."""

    def __init__(
        self, provider: OpenAI, endpoint: BatchEndpoint, book: Book, stopping: asyncio.Event | None = None
    ) -> None:
        self._provider, self._settings = provider, provider.batch
        self._endpoint, self._book, self._stopping = endpoint, book, stopping
        self.pending = Pending(provider.batch)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._begun: asyncio.Task[None] | None = None
        self._not_before = 0.0
        """Time of the loop before which no batch is submitted, since one was refused."""
        self._refusals = 0
        self._room = asyncio.Event()

    async def begin(self) -> None:
        """Once, before the first call: find what earlier processes left under way. A finished run needs no endpoint."""
        if self._begun is None:
            self._begun = self._start(self._find_all())
        if not self._begun.done():
            await asyncio.shield(self._begun)

    async def close(self) -> None:
        """Stop looking. What was submitted goes on at the endpoint."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._book.fail(error)

    async def _find_all(self) -> None:
        for record in self._book.on_the_way():
            if record.batch_id is not None:
                self._start(self._follow(record))
            elif record.state == "uploaded" and (made := await self._search(record)) is not None:
                self._start(self._follow(self._book.keep(record, state="open", batch_id=made.id)))
            else:
                # At most its file was uploaded: that costs nothing and is used by nothing.
                self._book.forget(record)
        if self._provider.mode == "batch":
            self._start(self._submit_all())

    async def _search(self, record: BatchRecord) -> Progress | None:
        try:
            return await search(self._endpoint, record, self._settings.poll_every)
        except CallFailed as failed:
            raise self._stuck(record, failed) from failed

    async def _submit_all(self) -> None:
        while True:
            await self.pending.due()
            if self._stopping is not None and self._stopping.is_set():
                return
            lines = self.pending.first()
            wait = self._wait(sum(line.tokens for line in lines))
            if wait is None:
                self.pending.take(lines)
                await self._submit(lines)
                continue
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), wait if wait < float("inf") else None)
            except TimeoutError:
                continue

    def _wait(self, tokens: int) -> float | None:
        """Seconds before there may be room for a batch of so many tokens, infinite until one ends; None: now."""
        under_way, most = self._book.on_the_way(), self._settings.max_enqueued_tokens
        if most is not None and under_way and sum(record.tokens for record in under_way) + tokens > most:
            return float("inf")
        if self._refusals and under_way:
            return float("inf")
        left = self._not_before - asyncio.get_running_loop().time()
        return left if left > 0 else None

    async def _submit(self, lines: list[Line]) -> None:
        content, uuid = b"".join(line.text for line in lines), uuid4().hex
        record = self._book.keep(
            BatchRecord(
                uuid=uuid,
                label=self._provider.label,
                state="preparing",
                created_s=time.time(),
                keys=tuple(line.key for line in lines),
                input_sha256=hashlib.sha256(content).hexdigest(),
                tokens=sum(line.tokens for line in lines),
            )
        )
        try:
            file_id = await patiently(lambda: self._endpoint.upload(f"prefmill-{uuid}.jsonl", content))
            record = self._book.keep(record, state="uploaded", file_id=file_id)
            progress = await make(self._endpoint, record, self._settings.poll_every)
        except CallFailed as failed:
            if failed.fatal or failed.kind not in ("rejected", "rate_limited"):
                raise self._stuck(record, failed) from failed
            if failed.kind == "rate_limited":
                self._refused(record, failed.message)
            else:
                self._settle(record, status="refused", lacking="rejected", said=failed.message)
            return
        record = self._book.keep(record, state="open", batch_id=progress.id, status=progress.status)
        self._start(self._follow(record))

    async def _follow(self, record: BatchRecord) -> None:
        """Look at a batch until it has ended, and bring its results."""
        batch_id = record.batch_id or ""
        try:
            for looks in count():
                progress = await patiently(lambda: self._endpoint.look(batch_id))
                counts = progress.counts
                if (progress.status, counts.completed) != (record.status, record.completed):
                    record = self._book.keep(
                        record, status=progress.status, completed=counts.completed, failed=counts.failed
                    )
                if progress.status not in ("validating", "failed"):
                    self._accepted()
                if progress.ended:
                    break
                await asyncio.sleep(self._settings.poll_every * min(1.2 ** min(looks, 99), SLOWEST))
            if progress.status == "failed" and TOO_LARGE & {problem.code for problem in progress.problems}:
                self._refused(record, progress.said)
            else:
                await self._collect(record, progress)
        except CallFailed as failed:
            raise self._stuck(record, failed) from failed

    async def _collect(self, record: BatchRecord, progress: Progress) -> None:
        """Save the results of a batch that has ended, and hand them out."""
        record = self._book.keep(record, state="ended")
        lines = b""
        for file_id in (progress.output_file_id, progress.error_file_id):
            if file_id:
                lines += await patiently(partial(self._endpoint.download, file_id))
        write_whole(self._book.shelf.results(record), lines)
        if progress.status == "failed":
            said = f"the endpoint refused the batch: {progress.said}"
            self._settle(record, lacking="rejected", said=said)
        elif progress.status in ("expired", "cancelled"):
            said = f"the batch was {progress.status} before this request's turn"
            self._settle(record, lacking="expired", said=said)
        else:
            self._settle(record)

    def _settle(self, record: BatchRecord, **changes: str) -> None:
        self._book.settle(self._book.keep(record, state="saved", **changes))
        self._not_before = 0.0
        self._room.set()

    def _accepted(self) -> None:
        if self._refusals:
            self._refusals = 0
            self._room.set()

    def _refused(self, record: BatchRecord, said: str) -> None:
        """The account's queue has no room: try again with half of it, later."""
        others = [other for other in self._book.on_the_way() if other.uuid != record.uuid]
        self._refusals += not others
        if self._refusals > MOST_REFUSALS:
            # What follows is refused at once, and goes the same way.
            self.pending.most = self._settings.max_requests
            self._settle(record, lacking="rate_limited", said=f"the endpoint takes no batch: {said}")
            return
        self.pending.most = max(1, min(self.pending.most, len(record.keys) // 2))
        wait = self._settings.poll_every * min(2**self._refusals, 2 * SLOWEST)
        self._not_before = float("inf") if others else asyncio.get_running_loop().time() + wait
        self.pending.put_back(self._book.refuse(record, said))
        self._room.set()

    def _stuck(self, record: BatchRecord, failed: CallFailed) -> CallFailed:
        """What stops the run: the batch stays on disk, and the next run goes on with it."""
        what = f"batch {record.batch_id}" if record.batch_id else "a batch"
        path = self._book.shelf.path(record)
        hint = f" If the endpoint knows it no longer, delete {path}." if record.batch_id else ""
        message = f"{self._provider.label}: {self._provider.base_url}: {what}: {failed.message}.{hint}"
        return CallFailed(failed.kind, message, fatal=True, final=True)
