"""Messages over a socket: JSON, one a line (https://jsonlines.org)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import msgspec

_CHUNK = 2**20


class Channel:
    """One side of a socket pair. Written by one thread."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
        self._begun = b""
        self._read, self._write = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode

    def received(self, wait: bool) -> list[dict[str, Any]] | None:
        """All messages that have come; with `wait` at least one. None once the other side has closed."""
        messages: list[dict[str, Any]] = []
        while not messages or not wait:
            try:
                chunk = self._socket.recv(_CHUNK, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return messages
            except ConnectionResetError:
                return None
            if not chunk:
                return None
            *lines, self._begun = (self._begun + chunk).split(b"\n")
            messages += map(self._read, lines)
        # What came with it joins the same step.
        return messages + (self.received(wait=False) or [])

    def send(self, messages: Sequence[dict[str, Any]]) -> None:
        """Send messages, in order. Raises `BrokenPipeError` where the other side has closed."""
        if messages:
            self._socket.sendall(b"".join(self._write(message) + b"\n" for message in messages))
