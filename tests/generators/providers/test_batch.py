"""Batch mode of the `openai` provider over real sockets: what is submitted, and what becomes of every request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from prefmill.generators.asking import call_key, request_body
from prefmill.generators.batches.record import BatchRecord, Shelf, State
from prefmill.generators.providers import Connection, Reply, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.errors import CallFailed, RunDirectoryError
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Line = dict[str, Any]


def completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"choices": choices, "usage": {"prompt_tokens": 4, "completion_tokens": 2}}


def answered(line: Line) -> Line:
    """An output line that answers with what was asked."""
    body = completion(f"to {line['body']['messages'][-1]['content']}")
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


@dataclass
class Api:
    """A Batch API that does what the test says: every batch ends at the first look at it after `hold` is off."""

    answer: Callable[[Line], Line | None] = answered
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
            return response(completion(f"online to {asked}"))
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


def provider(base_url: str, mode: str = "batch", **batch: Any) -> OpenAI:  # noqa: ANN401 - recipe keys
    settings = {"linger": 0.05, "poll_every": 0.02, **batch}
    return OpenAI.model_validate({"model": "m", "base_url": base_url, "mode": mode, "batch": settings, "timeout": 5})


def question(number: int, **sampling: Any) -> Request:  # noqa: ANN401 - sampling parameters
    task = Task(messages=(Message(role="user", content=f"question {number}"),))
    return Request(task.messages, Sampling(**sampling), 0, task)


def key_of(model: OpenAI, request: Request) -> str:
    return call_key(model, request_body(model, request), request.sample)


async def ask(connection: Connection, *numbers: int, **sampling: Any) -> list[Reply | CallFailed]:  # noqa: ANN401
    """What becomes of some questions that are asked at the same time."""
    found = await asyncio.gather(
        *(connection.complete(question(number, **sampling)) for number in numbers), return_exceptions=True
    )
    for item in found:
        if not isinstance(item, Reply | CallFailed):
            raise item
    return [item for item in found if isinstance(item, Reply | CallFailed)]


def texts(found: list[Reply | CallFailed]) -> list[str]:
    return [item.text if isinstance(item, Reply) else item.kind for item in found]


@pytest.fixture(name="opened")
def _opened(serving: Serving, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[tuple[Connection, OpenAI]]]:
    """A connection to an `Api`, with its records in the test's folder; keywords are recipe keys and `Site`'s."""

    @asynccontextmanager
    async def opened(
        api: Api,
        mode: str = "batch",
        retry_failed: bool = False,
        **batch: Any,  # noqa: ANN401
    ) -> AsyncIterator[tuple[Connection, OpenAI]]:
        async with serving(api.handle) as base_url:
            model = provider(base_url, mode, **batch)
            async with model.open(Site(folder=tmp_path / "batches", retry_failed=retry_failed)) as connection:
                yield connection, model

    return opened


Opened = Callable[..., AbstractAsyncContextManager[tuple[Connection, OpenAI]]]


def test_requests_go_into_one_batch_as_they_would_go_online(opened: Opened) -> None:
    api = Api()

    async def talk() -> tuple[list[Reply | CallFailed], OpenAI]:
        async with opened(api) as (connection, model):
            return await ask(connection, 1, 2, temperature=0.5, min_p=0.1, max_tokens=9), model

    found, model = asyncio.run(talk())
    assert found == [Reply(f"to question {k}", "stop", 4, 2, price_factor=0.5) for k in (1, 2)]
    asked = [question(k, temperature=0.5, min_p=0.1, max_tokens=9) for k in (1, 2)]
    assert api.lines("batch_1") == [
        {
            "custom_id": key_of(model, request),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "m",
                "messages": [{"role": "user", "content": f"question {k}"}],
                "temperature": 0.5,
                "min_p": 0.1,
                "max_tokens": 9,
            },
        }
        for k, request in zip((1, 2), asked, strict=True)
    ]
    assert api.batches["batch_1"]["completion_window"] == "24h"
    assert api.batches["batch_1"]["endpoint"] == "/v1/chat/completions"
    assert not api.online


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ({"max_requests": 4}, [4, 4, 2]),
        ({"max_bytes": 600}, [3, 3, 3, 1]),
        ({"max_bytes": 10}, [1] * 10),
        ({"max_enqueued_tokens": 64}, [4, 4, 2]),
        ({"max_enqueued_tokens": 1}, [1] * 10),
    ],
)
def test_batches_are_split_at_the_limits(opened: Opened, limits: dict[str, int], sizes: list[int]) -> None:
    """A question's line has 180 bytes; its body has 65, which is taken for 16 tokens."""
    api = Api()

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api, **limits) as (connection, _):
            return await ask(connection, *range(10))

    assert texts(asyncio.run(talk())) == [f"to question {k}" for k in range(10)]
    assert api.sizes() == sizes


def test_no_more_tokens_are_enqueued_than_the_account_allows(opened: Opened) -> None:
    api = Api(hold=True)

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api, max_enqueued_tokens=64) as (connection, _):
            asked = asyncio.create_task(ask(connection, *range(10)))
            await asyncio.sleep(0.4)
            assert api.sizes() == [4]
            api.hold = False
            return await asked

    assert texts(asyncio.run(talk())) == [f"to question {k}" for k in range(10)]
    assert api.sizes() == [4, 4, 2]


def test_a_batch_waits_while_requests_keep_coming(opened: Opened) -> None:
    api = Api()

    async def talk() -> None:
        async with opened(api, linger=0.3) as (connection, _):
            asked = []
            for k in range(6):
                asked.append(asyncio.create_task(ask(connection, k)))
                await asyncio.sleep(0.1)
            asked.append(asyncio.create_task(ask(connection, 0)))
            await asyncio.gather(*asked)

    asyncio.run(talk())
    assert api.sizes() == [6]


@pytest.mark.parametrize(
    ("state", "made"),
    [("preparing", False), ("uploaded", False), ("uploaded", True), ("open", True), ("ended", True)],
)
def test_a_restart_finds_a_batch_in_any_state(opened: Opened, tmp_path: Path, state: State, made: bool) -> None:
    """A batch that the endpoint made is not made again, whether or not we got to write down its id."""
    api = Api()

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (_, model):
            request = question(1)
            key, body = key_of(model, request), request_body(model, request)
            shelf = Shelf(tmp_path / "batches", "m")
            record = BatchRecord(
                uuid="u1", label="m", state=state, created_s=time.time(), keys=(key,), input_sha256="", tokens=1
            )
            if made:
                line = {"custom_id": key, "body": json.loads(body)}
                api.batches["batch_1"] = {
                    "id": "batch_1",
                    "created_at": int(time.time()),
                    "status": "validating",
                    "metadata": {"prefmill": "u1"},
                    "input_file_id": api.file(json.dumps(line).encode()),
                }
                record = record.model_copy(update={"batch_id": None if state == "uploaded" else "batch_1"})
            shelf.keep(record)
            async with model.open(Site(folder=tmp_path / "batches")) as again:
                return await ask(again, 1)

    assert texts(asyncio.run(talk())) == ["to question 1"]
    assert api.sizes() == [1]
    assert ("POST /batches" in api.heard) != made
    assert len(list((tmp_path / "batches").glob("*.json"))) == 1


def test_results_that_are_here_need_no_endpoint(opened: Opened, tmp_path: Path) -> None:
    """A kill between the results and the ledger: they are read from disk, as often as they are wanted."""
    api = Api()

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (connection, model):
            first = await ask(connection, 1, 2)
            api.refuse = lambda _: (500, {"error": {"message": "down"}})
            async with model.open(Site(folder=tmp_path / "batches")) as again:
                assert await ask(again, 2, 1) == [first[1], first[0]]
                assert await ask(again, 2, 1) == [first[1], first[0]]
                return first

    assert texts(asyncio.run(talk())) == ["to question 1", "to question 2"]
    assert api.sizes() == [2]


def failing(line: Line) -> Line | None:
    """Each question meets another fate."""
    number = int(line["body"]["messages"][-1]["content"].rpartition(" ")[2])
    told = {"custom_id": line["custom_id"], "response": None, "error": None}
    error = {"error": {"message": "no\n such  luck", "type": "t"}}
    withheld = {"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}
    fates: dict[int, Line | None] = {
        1: {**told, "error": {"code": "batch_expired", "message": "not in time"}},
        2: {**told, "error": {"code": "batch_cancelled", "message": "not wanted"}},
        3: {**told, "response": {"status_code": 400, "body": error}},
        4: {**told, "response": {"status_code": 429, "body": error}},
        5: {**told, "response": {"status_code": 503, "body": "<html>"}},
        6: {**told, "response": {"status_code": 200, "body": {"choices": []}}},
        7: {**told, "response": {"status_code": 200, "body": withheld}},
        8: None,
        9: {**told, "error": "strange"},
        10: told,
    }
    return fates.get(number, answered(line))


KINDS = {
    0: "to question 0",
    1: "expired",
    2: "expired",
    3: "rejected",
    4: "rate_limited",
    5: "server_error",
    6: "protocol",
    7: "content_filter",
    8: "protocol",
    9: "server_error",
    10: "server_error",
}


def test_what_a_batch_does_not_answer_fails_with_its_reason(opened: Opened) -> None:
    async def talk() -> list[Reply | CallFailed]:
        async with opened(Api(failing), fallback="fail") as (connection, _):
            return await ask(connection, *KINDS)

    found = asyncio.run(talk())
    assert texts(found) == list(KINDS.values())
    failures = [item for item in found if isinstance(item, CallFailed)]
    assert all(item.final and not item.fatal and "\n" not in item.message for item in failures)
    assert [item.message for item in failures][:4] == [
        "not in time", "not wanted", "HTTP 400: no such luck", "HTTP 429: no such luck",
    ]  # fmt: skip
    assert "without a result" in failures[7].message


def test_what_a_batch_does_not_answer_goes_online(opened: Opened) -> None:
    """At the full price; what the endpoint withheld would be withheld again."""
    api = Api(failing)

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (connection, _):
            return await ask(connection, *KINDS)

    found = asyncio.run(talk())
    online = [number for number in KINDS if number not in (0, 7)]
    expected = {**{number: f"online to question {number}" for number in online}, 0: KINDS[0], 7: KINDS[7]}
    assert texts(found) == [expected[number] for number in KINDS]
    assert [item.price_factor for item in found if isinstance(item, Reply)] == [0.5] + [1.0] * len(online)
    assert sorted(api.online) == sorted(f"question {number}" for number in online)
    assert len(api.batches) == 1


@pytest.mark.parametrize("retry_failed", [False, True])
def test_failures_are_told_again_unless_they_are_to_be_asked_again(opened: Opened, retry_failed: bool) -> None:
    api = Api(failing)

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api, fallback="fail") as (connection, _):
            await ask(connection, 0, 1, 3)
        api.answer = answered
        async with opened(api, fallback="fail", retry_failed=retry_failed) as (connection, _):
            return await ask(connection, 0, 1, 3)

    found = texts(asyncio.run(talk()))
    assert found == [
        "to question 0",
        *(["to question 1", "to question 3"] if retry_failed else ["expired", "rejected"]),
    ]
    assert api.sizes() == ([3, 2] if retry_failed else [3])


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_requests_that_an_ended_batch_left_out_have_expired(opened: Opened, status: str) -> None:
    api = Api(lambda line: answered(line) if line["body"]["messages"][-1]["content"] == "question 0" else None)
    api.status = status

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api, fallback="fail") as (connection, _):
            return await ask(connection, 0, 1)

    found = asyncio.run(talk())
    assert texts(found) == ["to question 0", "expired"]
    assert f"the batch was {status}" in str(found[1])


@pytest.mark.parametrize("fallback", ["online", "fail"])
@pytest.mark.parametrize("when", ["created", "validated"])
def test_a_batch_that_is_refused_as_a_whole(opened: Opened, fallback: str, when: str) -> None:
    api = Api()
    if when == "created":
        told = {"error": {"message": "the model has no batches"}}
        api.refuse = lambda name: (400, told) if name == "POST /batches" else None
    else:
        api.status, api.errors = "failed", [{"code": "model_not_found", "message": "the model has no batches"}]

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api, fallback=fallback) as (connection, _):
            return await ask(connection, 0, 1)

    found = asyncio.run(talk())
    if fallback == "online":
        assert texts(found) == ["online to question 0", "online to question 1"]
    else:
        assert texts(found) == ["rejected", "rejected"]
        assert "the model has no batches" in str(found[0])


@pytest.mark.parametrize("when", ["created", "validated"])
def test_a_batch_that_the_account_has_no_room_for_is_halved_and_then_given_up(opened: Opened, when: str) -> None:
    api = Api()
    if when == "created":
        api.refuse = lambda name: (429, {"error": {"message": "no room"}}) if name == "POST /batches" else None
    else:
        api.status, api.errors = "failed", [{"code": "token_limit_exceeded", "message": "no room"}]

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api, fallback="fail", poll_every=0.002, linger=0.01) as (connection, _):
            return await ask(connection, *range(8))

    found = asyncio.run(talk())
    assert texts(found) == ["rate_limited"] * 8
    assert "no room" in str(found[0])
    if when == "validated":
        assert api.sizes() == [8, 4, 2, *[1] * 6, 7]


def test_a_batch_that_was_made_unheard_is_not_made_again(opened: Opened) -> None:
    api = Api(lose={"POST /batches"})

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (connection, _):
            return await ask(connection, 1)

    assert texts(asyncio.run(talk())) == ["to question 1"]
    assert api.heard.count("POST /batches") == 1


def test_an_endpoint_that_is_away_for_a_while_is_waited_for(opened: Opened) -> None:
    api = Api(lose={"POST /files", "GET /batches/batch_1", "GET /files/file-2/content"})

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (connection, _):
            return await ask(connection, 1)

    assert texts(asyncio.run(talk())) == ["to question 1"]
    assert not api.lose


@pytest.mark.parametrize(
    ("request_name", "status"),
    [("POST /files", 401), ("POST /files", 404), ("POST /batches", 403), ("GET /batches/batch_1", 404)],
)
def test_what_no_other_call_would_do_better_stops_the_run(opened: Opened, request_name: str, status: int) -> None:
    api = Api(refuse=lambda name: (status, {"error": {"message": "out"}}) if name == request_name else None)

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (connection, _):
            return [*await ask(connection, 1, 2), *await ask(connection, 3)]

    found = asyncio.run(talk())
    assert all(isinstance(item, CallFailed) and item.fatal and item.final for item in found)
    assert f"HTTP {status}: out" in str(found[0])
    assert "m: http://" in str(found[0])
    assert (".json" in str(found[0])) == request_name.startswith("GET")
    assert not api.online


def test_a_change_to_online_still_waits_for_what_is_paid_for(opened: Opened) -> None:
    api = Api(hold=True)

    async def talk() -> tuple[list[Reply | CallFailed], list[str]]:
        async with opened(api) as (connection, _):
            asked = asyncio.create_task(ask(connection, 1))
            while not any(name.startswith("GET /batches/") for name in api.heard):
                await asyncio.sleep(0.01)
            asked.cancel()
        async with opened(api, mode="online") as (connection, _):
            waiting = asyncio.create_task(ask(connection, 1))
            online = texts(await ask(connection, 2))
            api.hold = False
            return await waiting, online

    waited, online = asyncio.run(talk())
    assert (texts(waited), online) == (["to question 1"], ["online to question 2"])
    assert api.sizes() == [1]


def test_nothing_is_submitted_once_a_run_is_stopping(serving: Serving, tmp_path: Path) -> None:
    api = Api()

    async def talk() -> None:
        stopping = asyncio.Event()
        site = Site(folder=tmp_path, stopping=stopping)
        async with serving(api.handle) as base_url, provider(base_url).open(site) as connection:
            asked = asyncio.create_task(ask(connection, 1))
            await asyncio.sleep(0.01)
            stopping.set()
            await asyncio.sleep(0.3)
            asked.cancel()

    asyncio.run(talk())
    assert not api.batches


def test_a_key_that_the_endpoint_repeats_is_masked(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFMILL_TEST_KEY", "sk-test-0123456789abcdef")
    api = Api()
    api.status, api.errors = "failed", [{"code": "c", "message": "the key sk-test-0123456789abcdef is bad"}]

    async def talk() -> list[Reply | CallFailed]:
        async with opened(api) as (_, model):
            keyed = model.model_copy(update={"api_key_env": "PREFMILL_TEST_KEY", "batch": provider("http://x").batch})
            keyed = keyed.model_copy(update={"batch": keyed.batch.model_copy(update={"fallback": "fail"})})
            async with keyed.open(Site(folder=tmp_path / "keyed")) as connection:
                return await ask(connection, 1)

    (found,) = asyncio.run(talk())
    assert "***" in str(found)
    assert "0123456789" not in str(found)
    assert not any("0123456789" in path.read_text() for path in (tmp_path / "keyed").iterdir())


def test_a_record_that_is_none_is_told(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "a.json").write_text("{")

    async def talk() -> None:
        async with opened(Api()):
            raise AssertionError

    with pytest.raises(RunDirectoryError, match=r"a\.json: not a batch's record"):
        asyncio.run(talk())
