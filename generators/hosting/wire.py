"""This process's end of the socket to `offline_process/`, whose messages are described there."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson


class Wire(asyncio.Protocol):
    """Messages out, replies to those who wait for them."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int | str, asyncio.Future[dict[str, Any]]] = {}
        self._begun: list[bytes] = []
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, key: int | str, message: bytes) -> dict[str, Any]:
        """Send a message and wait for what answers it: a request's by its number, others in turn.

        Raises `ConnectionError` where the other side has closed. Whoever stops waiting has the request aborted.
        """
        if not self.open or self._transport is None:
            raise ConnectionError("closed")
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        self._transport.write(message + b"\n")
        try:
            return await answer
        finally:
            if self._waiting.pop(key, None) is not None and isinstance(key, int) and not self._transport.is_closing():
                self._transport.write(b'{"abort":%d}\n' % key)

    def data_received(self, data: bytes) -> None:
        first, *rest = data.split(b"\n")
        self._begun.append(first)
        if not rest:
            return
        lines = [b"".join(self._begun), *rest[:-1]]
        self._begun = [rest[-1]]
        for line in lines:
            said = orjson.loads(line)
            key = said.get("id") or next(name for name in self._waiting if isinstance(name, str))
            if (answer := self._waiting.pop(key, None)) is not None and not answer.done():
                answer.set_result(said)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("closed"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
