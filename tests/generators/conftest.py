"""What the tests of calls share: a server that says what it is told to, and callers to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from prefmill.generators.calls import Caller
from prefmill.generators.halt import Halt
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Connection, Provider, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Completion = Callable[..., dict[str, Any]]


@dataclass
class Server:
    """Says what `says` tells it to for a question's n-th arrival: a text, a status, or a reply of its own."""

    completion: Completion
    says: Callable[[str, int], object] = lambda question, _: question
    seconds: float = 0
    heard: Counter[str] = field(default_factory=Counter)
    open: int = 0
    peak: int = 0

    async def answer(self, http: web.Request) -> web.StreamResponse:
        body = await http.json()
        question = body["messages"][0]["content"]
        arrival, self.heard[question] = self.heard[question], self.heard[question] + 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            await asyncio.sleep(self.seconds)
            said = self.says(question, arrival)
            if isinstance(said, asyncio.Event):
                await said.wait()
                said = "waited"
        finally:
            self.open -= 1
        if isinstance(said, int):
            return web.json_response({"error": {"message": f"no {said}"}}, status=said, headers={"Retry-After": "0"})
        if isinstance(said, web.StreamResponse):
            return said
        return web.json_response(self.completion(said))


RequestFor = Callable[..., Request]
CallerTo = Callable[[Provider, Connection, Ledger], Caller]
Calling = Callable[..., AbstractAsyncContextManager[tuple[Caller, Ledger]]]


@pytest.fixture(name="server")
def _server(completion: Completion) -> Server:
    """A `Server` that repeats each question until a test sets what it says."""
    return Server(completion)


@pytest.fixture(name="request_for")
def _request_for() -> RequestFor:
    """Makes the request that asks a text, for one of its samples; keywords are sampling parameters."""

    def request_for(text: str, sample: int = 0, **sampling: object) -> Request:
        task = Task(messages=(Message(role="user", content=text),))
        return Request(task.messages, Sampling.model_validate(sampling), sample, task)

    return request_for


def _caller(provider: Provider, connection: Connection, ledger: Ledger) -> Caller:
    async def nothing() -> None:
        pass

    return Caller("answers", provider, connection, ledger, nothing, Halt())


@pytest.fixture(name="caller_to")
def _caller_to() -> CallerTo:
    """Makes a caller of the stage `answers` that has no endpoints to check first."""
    return _caller


@pytest.fixture(name="calling")
def _calling(serving: Serving, server: Server, tmp_path: Path) -> Calling:
    """A caller to the test's `server`, with a ledger in the test's folder; keywords are recipe keys."""

    @asynccontextmanager
    async def calling(**fields: object) -> AsyncIterator[tuple[Caller, Ledger]]:
        async with serving(server.answer) as base_url:
            provider = OpenAI.model_validate({"model": "m", "base_url": base_url, "timeout": 5, **fields})
            async with provider.open(Site()) as connection:
                with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
                    yield _caller(provider, connection, ledger), ledger

    return calling
