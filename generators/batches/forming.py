"""Forming batches: requests pile up until a batch is full, or until no more come for a while."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from ..providers import Request
from .settings import BatchSettings

URL = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Line:
    """One request as a line of an input file."""

    key: str
    text: bytes
    tokens: int
    """What it puts into the account's queue, estimated."""


def line_of(key: str, body: bytes, request: Request) -> Line:
    """The line for a request body whose ledger key is `key`."""
    text = b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n' % (key.encode(), URL.encode(), body)
    limit = request.sampling.max_completion_tokens or request.sampling.max_tokens or 0
    return Line(key, text, len(body) // 4 + limit)


class Pending:
    """Requests that are in no batch yet."""

    def __init__(self, settings: BatchSettings) -> None:
        self._settings = settings
        self._lines: deque[Line] = deque()
        self._bytes = self._tokens = 0
        self._came = asyncio.Event()
        self.most = settings.max_requests
        """Requests in the next batch at most; less than in the settings after the endpoint has refused one."""

    def add(self, line: Line) -> None:
        """A new request."""
        self._lines.append(line)
        self._count(line, 1)
        self._came.set()

    def put_back(self, lines: list[Line]) -> None:
        """Requests of a batch that was refused: first in the queue again."""
        self._lines.extendleft(reversed(lines))
        for line in lines:
            self._count(line, 1)
        self._came.set()

    async def due(self) -> None:
        """Returns when the next batch is to be submitted."""
        while not self._full():
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), self._settings.linger if self._lines else None)
            except TimeoutError:
                return

    def first(self) -> list[Line]:
        """The requests of the next batch: as many as its limits allow, at least one."""
        settings, size, tokens, chosen = self._settings, 0, 0, list[Line]()
        for line in self._lines:
            size, tokens = size + len(line.text), tokens + line.tokens
            over = size > settings.max_bytes or tokens > (settings.max_enqueued_tokens or tokens)
            if chosen and (over or len(chosen) == self.most):
                break
            chosen.append(line)
        return chosen

    def take(self, lines: list[Line]) -> None:
        """Remove what `first` gave."""
        for line in lines:
            self._lines.popleft()
            self._count(line, -1)

    def _full(self) -> bool:
        settings = self._settings
        return bool(self._lines) and (
            len(self._lines) >= self.most
            or self._bytes >= settings.max_bytes
            or self._tokens >= (settings.max_enqueued_tokens or self._tokens + 1)
        )

    def _count(self, line: Line, sign: int) -> None:
        self._bytes += sign * len(line.text)
        self._tokens += sign * line.tokens
