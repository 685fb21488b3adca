"""What the tests of batch mode share: a Batch API that does what a test says, and connections to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from prefmill.generators.providers import Connection, Reply, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.errors import CallFailed
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Line = dict[str, Any]


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"choices": choices, "usage": {"prompt_tokens": 4, "completion_tokens": 2}}


def _answered(line: Line) -> Line:
    """An output line that answers with what was asked."""
    body = _completion(f"to {line['body']['messages'][-1]['content']}")
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


@dataclass
class BatchApi:
    """A Batch API that does what the test says: every batch ends at the first look at it after `hold` is off."""

    answered = staticmethod(_answered)

    answer: Callable[[Line], Line | None] = _answered
    """An input line's output line, or None where it has none."""
    status: str = "completed"
    errors: list[dict[str, str]] = field(default_factory=list)
    hold: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    online: list[str] = field(default_factory=list)
    """Questions of single calls."""
    heard: list[str] = field(default_factory=list)
    refuse: Callable[[str], tuple[int, dict[str, Any]] | None] = lambda _: None
    """Method and path -> status and error of a request that is refused."""
    lose: set[str] = field(default_factory=set)
    """Methods and paths of requests that are done and whose reply is lost, once each."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} {request.path.removeprefix('/v1')}"
        self.heard.append(name)
        if (refused := self.refuse(name)) is not None:
            return web.json_response(refused[1], status=refused[0])
        response = await self._respond(request, name)
        if name in self.lose:
            self.lose.discard(name)
            assert request.transport is not None
            request.transport.abort()
        return response

    async def _respond(self, request: web.Request, name: str) -> web.StreamResponse:
        last, response = name.rpartition("/")[2], web.json_response
        if name == "POST /chat/completions":
            asked = (await request.json())["messages"][-1]["content"]
            self.online.append(asked)
            return response(_completion(f"online to {asked}"))
        if name == "POST /files":
            form = await request.post()
            assert form["purpose"] == "batch"
            assert isinstance(form["file"], web.FileField)
            return response({"id": self.file(form["file"].file.read()), "object": "file"})
        if last == "content":
            return web.Response(body=self.files[name.split("/")[2]])
        if name == "POST /batches":
            made = await request.json()
            identifier = f"batch_{len(self.batches) + 1}"
            self.batches[identifier] = {
                "id": identifier,
                "created_at": int(time.time()),
                **made,
                "status": "validating",
            }
            return response(self.batches[identifier])
        if name == "GET /batches":
            data = list(reversed(self.batches.values()))
            return response({"object": "list", "data": data, "has_more": False})
        return response(self.look(last))

    def look(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        if not self.hold and batch["status"] == "validating":
            batch["status"] = self.status
            if self.errors:
                batch["errors"] = {"object": "list", "data": self.errors}
            else:
                lines = [self.answer(line) for line in self.lines(name)]
                text = "".join(json.dumps(line) + "\n" for line in lines if line is not None)
                batch["output_file_id"] = self.file(text.encode())
        return batch

    def file(self, content: bytes) -> str:
        self.files[f"file-{len(self.files)}"] = content
        return f"file-{len(self.files) - 1}"

    def lines(self, batch: str) -> list[Line]:
        """The lines of a batch's input file."""
        return [json.loads(line) for line in self.files[self.batches[batch]["input_file_id"]].splitlines()]

    def sizes(self) -> list[int]:
        return [len(self.lines(batch)) for batch in self.batches]


class Found(list[Reply | CallFailed]):
    """What became of some questions, in their order."""

    def texts(self) -> list[str]:
        """The text of each reply, and the kind of each failure."""
        return [item.text if isinstance(item, Reply) else item.kind for item in self]


Question = Callable[..., Request]
Ask = Callable[..., Coroutine[Any, Any, Found]]
Opened = Callable[..., AbstractAsyncContextManager[tuple[Connection, OpenAI]]]


@pytest.fixture(name="api")
def _api() -> BatchApi:
    """A `BatchApi` that answers everything until a test changes what it does."""
    return BatchApi()


@pytest.fixture(name="question")
def _question() -> Question:
    """Makes the request that asks the question of a number; keywords are sampling parameters."""

    def question(number: int, **sampling: object) -> Request:
        task = Task(messages=(Message(role="user", content=f"question {number}"),))
        return Request(task.messages, Sampling.model_validate(sampling), 0, task)

    return question


@pytest.fixture(name="ask")
def _ask(question: Question) -> Ask:
    """Asks a connection the questions of some numbers at the same time; keywords as for `question`."""

    async def ask(connection: Connection, *numbers: int, **sampling: object) -> Found:
        found = await asyncio.gather(
            *(connection.complete(question(number, **sampling)) for number in numbers), return_exceptions=True
        )
        for item in found:
            if not isinstance(item, Reply | CallFailed):
                raise item
        return Found(item for item in found if isinstance(item, Reply | CallFailed))

    return ask


@pytest.fixture(name="opened")
def _opened(serving: Serving, api: BatchApi, tmp_path: Path) -> Opened:
    """A connection to `api` that keeps records in `tmp_path / "batches"`; keywords are recipe keys and `Site`'s."""

    @asynccontextmanager
    async def opened(
        mode: str = "batch",
        retry_failed: bool = False,
        stopping: asyncio.Event | None = None,
        **batch: Any,  # noqa: ANN401
    ) -> AsyncIterator[tuple[Connection, OpenAI]]:
        settings = {"linger": 0.05, "poll_every": 0.02, **batch}
        site = Site(folder=tmp_path / "batches", retry_failed=retry_failed, stopping=stopping)
        async with serving(api.handle) as base_url:
            model = OpenAI.model_validate(
                {"model": "m", "base_url": base_url, "mode": mode, "batch": settings, "timeout": 5}
            )
            async with model.open(site) as connection:
                yield connection, model

    return opened
