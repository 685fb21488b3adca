"""What tests of the stages share: a real server whose replies the test decides, and callers to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from prefmill.generators.calls import Caller
from prefmill.generators.halt import Halt
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Site
from prefmill.generators.providers.openai import OpenAI

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Completion = Callable[..., dict[str, Any]]
Says = Callable[[dict[str, Any]], object]
"""Reply to a request's body: a text, a status, or a whole completion."""

ENTRY: dict[str, Any] = {"attempts": 2, "timeout": 5}


class Endpoint:
    """A server whose replies the test decides, and the callers to it."""

    def __init__(self, serving: Serving, completion: Completion, says: Says, path: Path) -> None:
        self.serving, self.completion, self.says, self.path = serving, completion, says, path
        self.heard: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.heard.append(body)
        said = self.says(body)
        if isinstance(said, int):
            return web.json_response({"error": {"message": f"no {said}"}}, status=said, headers={"Retry-After": "0"})
        return web.json_response(said if isinstance(said, dict) else self.completion(said))

    @asynccontextmanager
    async def callers(self, *entries: dict[str, Any]) -> AsyncIterator[list[Caller]]:
        """A caller for each provider entry, all with one ledger."""

        async def ready() -> None:
            pass

        async with AsyncExitStack() as stack:
            base_url = await stack.enter_async_context(self.serving(self.answer))
            ledger = stack.enter_context(Ledger.open(self.path / "ledger.sqlite"))
            made = []
            for entry in entries:
                provider = OpenAI.model_validate({**ENTRY, "base_url": base_url, **entry})
                connection = await stack.enter_async_context(provider.open(Site()))
                made.append(Caller("stage", provider, connection, ledger, ready, Halt()))
            yield made


Endpoints = Callable[[Says], Endpoint]


@pytest.fixture(name="endpoint")
def _endpoint(serving: Serving, completion: Completion, tmp_path: Path) -> Callable[[Says], Endpoint]:
    return lambda says: Endpoint(serving, completion, says, tmp_path)
