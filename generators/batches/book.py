"""Which request stands in which batch, who waits for it, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...schemas.errors import CallFailed
from ..providers import Reply
from .forming import Line, Pending
from .record import BatchRecord, Shelf
from .results import Item, results_of


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that somebody waits for."""

    line: Line
    future: asyncio.Future[Item | Exception]


class Book:
    """All batches of one model in one stage, those of earlier processes included."""

    def __init__(
        self,
        shelf: Shelf,
        records: Iterable[BatchRecord],
        price_factor: float,
        retry_failed: bool,
    ) -> None:
        self.shelf = shelf
        self._price_factor = price_factor
        self._records = {record.uuid: record for record in records}
        self._told = {uuid for uuid, record in self._records.items() if retry_failed and record.state == "saved"}
        """Batches whose failures were told to an earlier process and are to be asked again."""
        self._batch_of = {key: record.uuid for record in self._records.values() for key in _held(record)}
        self._waiting: dict[str, _Waiting] = {}
        self._items: dict[str, Item] = {}
        self._broken: Exception | None = None

    def holds(self, key: str) -> bool:
        """Whether a request stands in a batch."""
        return key in self._batch_of

    def known(self, key: str) -> Item | None:
        """What became of a request, where that is known already. Raises what broke the batches, if anything did."""
        if self._broken is not None:
            raise self._broken
        uuid = self._batch_of.get(key)
        if key not in self._items and uuid is not None and self._records[uuid].state == "saved":
            self.settle(self._records[uuid])
        item = self._items.get(key)
        if isinstance(item, Reply):
            # Its text goes into the ledger now; should it be wanted again, it is still on disk.
            del self._items[key]
        return item

    def wanted(self, line: Line, pending: Pending) -> asyncio.Future[Item | Exception]:
        """What will become of a request, or what broke the batches; it waits for its batch, or in `pending` for one."""
        waiting = self._waiting.get(line.key)
        if waiting is None:
            waiting = self._waiting[line.key] = _Waiting(line, asyncio.get_running_loop().create_future())
            if not self.holds(line.key):
                pending.add(line)
        return waiting.future

    def keep(self, record: BatchRecord, **changes: Any) -> BatchRecord:  # noqa: ANN401 - fields of the record
        """The record with changes, on disk. Raises `RunDirectoryError`."""
        record = record.model_copy(update=changes)
        self.shelf.keep(record)
        if record.uuid not in self._records:
            self._batch_of.update(dict.fromkeys(record.keys, record.uuid))
        self._records[record.uuid] = record
        return record

    def forget(self, record: BatchRecord) -> None:
        """Drop a batch that was never made; its requests are free."""
        self.shelf.forget(record)
        del self._records[record.uuid]
        self._free(record)

    def refuse(self, record: BatchRecord, said: str) -> list[Line]:
        """Keep a batch as refused; returns those of its requests that somebody waits for, in their order."""
        self.keep(record, state="refused", said=said)
        self._free(record)
        return [self._waiting[key].line for key in record.keys if key in self._waiting]

    def settle(self, record: BatchRecord) -> None:
        """Hand out the results of a saved batch: to those who wait, or to those who will ask."""
        results = results_of(record, self.shelf.results(record), self._price_factor)
        for key, item in results.items():
            if self._batch_of.get(key) != record.uuid:
                continue
            failed = isinstance(item, CallFailed)
            if failed and record.uuid in self._told:
                del self._batch_of[key]
                continue
            waiting = self._waiting.pop(key, None)
            if waiting is not None and not waiting.future.done():
                waiting.future.set_result(item)
            if failed or waiting is None:
                self._items[key] = item

    def fail(self, error: Exception) -> None:
        """Nothing goes on: everybody who waits is told so, and everybody who comes."""
        self._broken = self._broken or error
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_result(error)
        self._waiting.clear()

    def on_the_way(self) -> list[BatchRecord]:
        """Batches whose results are still to come, oldest first."""
        return [record for record in self._records.values() if record.on_the_way]

    def _free(self, record: BatchRecord) -> None:
        for key in record.keys:
            if self._batch_of.get(key) == record.uuid:
                del self._batch_of[key]


def _held(record: BatchRecord) -> tuple[str, ...]:
    return () if record.state == "refused" else record.keys
