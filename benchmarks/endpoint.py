"""A chat-completions endpoint for benchmarks: cheap enough that the client is what is measured.

    python benchmarks/endpoint.py --port 8399

The first part of the path is the scenario, so that one server serves all of a benchmark's runs:

    const   every reply after 200 ms
    tail    lognormal, median 200 ms, 99th percentile 2 s; a function of the row, so every client meets the same
    limit   200 ms, but HTTP 429 with `Retry-After: 1` while more than `--limit` requests are open
    faults  200 ms; 5 % HTTP 500, 2 % malformed JSON, 1.5 % empty content, and 1 in 500 never answers the first time
    fast    5 ms

A prompt must hold `row-N`. `GET /stats` counts, `POST /reset` forgets. Judges' prompts (`[System]`) are answered with
two grades, all others with a paragraph.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import re
import statistics
import time
from collections import Counter

ROW = re.compile(rb"row-(\d+)")
MODEL = re.compile(rb'"model":\s*"([^"]*)"')
NORMAL = statistics.NormalDist()
SIGMA = math.log(10) / NORMAL.inv_cdf(0.99)
ANSWER = "This is a short answer that stands for a real one in a benchmark of clients. " * 6


class Counts:
    """What the server has seen since the last reset."""

    def __init__(self) -> None:
        self.arrivals: Counter[tuple[bytes, bytes]] = Counter()
        self.answered: Counter[tuple[bytes, bytes]] = Counter()
        self.codes: Counter[int] = Counter()
        self.open = self.peak = 0
        self.first = self.last = 0.0

    def plain(self) -> dict[str, object]:
        return {
            "requests": self.arrivals.total(),
            "distinct": len(self.arrivals),
            "repeats": self.arrivals.total() - len(self.arrivals),
            "answered": len(self.answered),
            "answered_again": self.answered.total() - len(self.answered),
            "codes": {str(code): count for code, count in self.codes.items()},
            "peak": self.peak,
            "first": self.first,
            "last": self.last,
        }


def uniform(*parts: object) -> float:
    """A number in (0, 1) that depends on the parts only."""
    hashed = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return (int.from_bytes(hashed, "big") + 0.5) / 2**64


class Endpoint(asyncio.Protocol):
    """One connection: HTTP/1.1 with keep-alive and nothing else of it."""

    counts = Counts()
    limit = 32

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            found = re.search(rb"content-length:\s*(\d+)", head)
            stop = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < stop:
                return
            body, self._buffer = self._buffer[end + 4 : stop], self._buffer[stop:]
            path = head.split(b" ", 2)[1].decode()
            asyncio.get_running_loop().create_task(self._answer(path, body))

    async def _answer(self, path: str, body: bytes) -> None:
        if path == "/stats":
            return self._send(200, self.counts.plain())
        if path == "/reset":
            Endpoint.counts = Counts()
            return self._send(200, {})
        if path.endswith("/models"):
            return self._send(
                200, {"object": "list", "data": [{"id": name, "object": "model"} for name in ("a", "b", "t")]}
            )
        counts = self.counts
        counts.open += 1
        counts.peak = max(counts.peak, counts.open)
        try:
            await self._chat(path.split("/")[1], body, counts)
        finally:
            counts.open -= 1

    async def _chat(self, scenario: str, body: bytes, counts: Counts) -> None:
        row, model = ROW.search(body), MODEL.search(body)
        key = (model[1] if model else b"", row[1] if row else b"")
        counts.arrivals[key] += 1
        number = counts.arrivals[key]
        counts.first = counts.first or time.time()
        if scenario == "limit" and counts.open > self.limit:
            await asyncio.sleep(0.02)
            return self._refuse(429, counts, "Retry-After: 1\r\n")
        if scenario == "faults" and number == 1 and uniform("hang", *key) < 1 / 500:
            await asyncio.sleep(3600)
        wait = 0.005 if scenario == "fast" else 0.2
        if scenario == "tail":
            wait *= math.exp(SIGMA * NORMAL.inv_cdf(uniform("wait", *key)))
        await asyncio.sleep(wait)
        text = "7 5\nAssistant 1 is more complete than Assistant 2." if b"[System]" in body else ANSWER
        if scenario == "faults":
            chance = uniform("fault", *key, number)
            if chance < 0.05:
                return self._refuse(500, counts)
            if chance < 0.07:
                return self._raw(200, b'{"choices": [{"message"', "")
            if chance < 0.085:
                text = ""
        counts.codes[200] += 1
        counts.answered[key] += bool(text)
        counts.last = time.time()
        self._send(200, completion(text))

    def _refuse(self, code: int, counts: Counts, headers: str = "") -> None:
        counts.codes[code] += 1
        self._send(code, {"error": {"message": "as asked for", "type": "benchmark", "code": None}}, headers)

    def _send(self, code: int, value: object, headers: str = "") -> None:
        self._raw(code, json.dumps(value).encode(), headers)

    def _raw(self, code: int, body: bytes, headers: str) -> None:
        if not self._transport.is_closing():
            head = (
                f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
            )
            self._transport.write(head.encode() + body)


def completion(text: str) -> dict[str, object]:
    """A chat completion as OpenAI's API sends it."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 0,
        "model": "benchmark",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 80, "total_tokens": 120},
    }


async def serve(port: int, limit: int) -> None:
    """Serve on the loopback interface until killed."""
    Endpoint.limit = limit
    server = await asyncio.get_running_loop().create_server(Endpoint, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8399)
    parser.add_argument("--limit", type=int, default=32)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.limit))
