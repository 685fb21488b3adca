"""The `openai` provider over real sockets: what it sends, and what it makes of everything that can come back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from prefmill.generators.providers import Reply, Request, Site
from prefmill.generators.providers.openai import OpenAI
from prefmill.schemas.errors import CallFailed, EndpointError
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Handler], AbstractAsyncContextManager[str]]
Completion = Callable[..., dict[str, Any]]

MESSAGES = (Message(role="system", content="Be brief."), Message(role="user", content="Why is the sky blue? ☀"))
TASK = Task(messages=MESSAGES)
KEY = "sk-test-0123456789abcdef"
KEY_VARIABLE = "PREFMILL_TEST_KEY"


async def ask(base_url: str, sampling: Sampling | None = None, **fields: Any) -> Reply:  # noqa: ANN401 - a recipe entry
    provider = OpenAI(model="m", base_url=base_url, **{"timeout": 5, **fields})
    async with provider.open(Site()) as connection:
        return await connection.complete(Request(TASK.messages, sampling or Sampling(), 0, TASK))


async def failure(base_url: str, **fields: Any) -> CallFailed:  # noqa: ANN401 - a recipe entry
    with pytest.raises(CallFailed) as caught:
        await ask(base_url, **fields)
    return caught.value


async def check(base_url: str, **fields: Any) -> str | None:  # noqa: ANN401 - a recipe entry
    """What a check complains about."""
    async with OpenAI(model="m", base_url=base_url, **fields).open(Site()) as connection:
        try:
            await connection.check()
        except EndpointError as error:
            assert "\n" not in str(error)
            return str(error)
    return None


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 0},
        {"temperature": 0.7, "top_p": 0.9, "max_tokens": 64, "seed": 3, "stop": ["\n\n", "###"]},
        {"top_k": -1, "min_p": 0.05, "repetition_penalty": 1.1},
        {"presence_penalty": -1, "frequency_penalty": 0.5, "max_completion_tokens": 9},
    ],
)
def test_it_sends_the_recipe_s_sampling_and_nothing_else(
    serving: Serving, completion: Completion, sampling: dict[str, Any]
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []

    async def handler(request: web.Request) -> web.Response:
        heard.append((request.path, await request.json()))
        return web.json_response(completion())

    async def talk() -> None:
        async with serving(handler) as base_url:
            await ask(base_url, Sampling(**sampling))
            await ask(base_url, Sampling(**sampling, extra_body={"guided_json": {"type": "object"}, "top_k": 5}))

    asyncio.run(talk())
    asked = {"model": "m", "messages": [message.model_dump() for message in MESSAGES], **sampling}
    assert heard == [
        ("/v1/chat/completions", asked),
        ("/v1/chat/completions", {**asked, "guided_json": {"type": "object"}, "top_k": 5}),
    ]


def test_the_key_comes_from_the_environment(
    serving: Serving, completion: Completion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    heard: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.json_response(completion())

    async def talk() -> None:
        async with serving(handler) as base_url:
            await ask(base_url, api_key_env=KEY_VARIABLE)
            await ask(base_url)

    asyncio.run(talk())
    assert heard == [f"Bearer {KEY}", None]


def test_a_reply_is_read_with_its_tokens(serving: Serving, completion: Completion) -> None:
    bodies = [
        completion("Because of Rayleigh scattering. ☀"),
        completion("Cut", "length"),
        completion(None),
        completion(""),
        completion(None, refusal="I would rather not."),
        completion("Half", None),
        {**completion("No usage"), "usage": None},
        {**completion("Empty usage"), "usage": {}},
        {**completion("Odd usage"), "usage": {"prompt_tokens": None, "completion_tokens": "3"}},
    ]

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(left.pop(0))

    async def talk() -> list[Reply]:
        async with serving(handler) as base_url:
            return [await ask(base_url) for _ in bodies]

    left = list(bodies)
    assert asyncio.run(talk()) == [
        Reply("Because of Rayleigh scattering. ☀", "stop", 7, 3),
        Reply("Cut", "length", 7, 3),
        Reply("", "stop", 7, 3),
        Reply("", "stop", 7, 3),
        Reply("I would rather not.", "stop", 7, 3),
        Reply("Half", None, 7, 3),
        Reply("No usage", "stop", 0, 0),
        Reply("Empty usage", "stop", 0, 0),
        Reply("Odd usage", "stop", 0, 0),
    ]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (401, {}, ("rejected", True, None)),
        (403, {}, ("rejected", True, None)),
        (404, {}, ("rejected", True, None)),
        (400, {}, ("rejected", False, None)),
        (413, {}, ("rejected", False, None)),
        (422, {}, ("rejected", False, None)),
        (408, {}, ("server_error", False, None)),
        (409, {}, ("server_error", False, None)),
        (429, {}, ("rate_limited", False, None)),
        (429, {"Retry-After": "2"}, ("rate_limited", False, 2.0)),
        (429, {"Retry-After": "0"}, ("rate_limited", False, 0.0)),
        (429, {"Retry-After": "-5"}, ("rate_limited", False, 0.0)),
        (429, {"Retry-After": "9", "retry-after-ms": "150"}, ("rate_limited", False, 0.15)),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, ("rate_limited", False, 0.0)),
        (500, {}, ("server_error", False, None)),
        (503, {"Retry-After": "1.5"}, ("server_error", False, 1.5)),
    ],
)
def test_statuses_become_failures(
    serving: Serving, status: int, headers: dict[str, str], expected: tuple[str, bool, float | None]
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "so it\nis"}}, status=status, headers=headers)

    async def plain(_: web.Request) -> web.Response:
        return web.Response(text="<html>so it is</html>", status=status, headers=headers)

    async def talk() -> list[CallFailed]:
        async with serving(handler) as told, serving(plain) as untold:
            return [await failure(told), await failure(untold)]

    for failed in asyncio.run(talk()):
        assert (failed.kind, failed.fatal, failed.retry_after) == expected
        assert "so it is" in failed.message


def test_an_account_without_credit_is_fatal(serving: Serving) -> None:
    async def handler(_: web.Request) -> web.Response:
        error = {"message": "You exceeded your quota", "code": "insufficient_quota"}
        return web.json_response({"error": error}, status=429)

    async def talk() -> CallFailed:
        async with serving(handler) as base_url:
            return await failure(base_url)

    failed = asyncio.run(talk())
    assert (failed.kind, failed.fatal) == ("rate_limited", True)
    assert "m: http://" in failed.message


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html>Welcome to nginx!</html>"),
        ("application/json", b"{"),
        ("application/json", b""),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"null"),
        ("application/json", b"[]"),
        ("application/json", b'"text"'),
        ("application/json", b"{}"),
        ("application/json", b'{"error": {"message": "upstream is down", "code": 502}}'),
        ("application/json", b'{"choices": []}'),
        ("application/json", b'{"choices": null}'),
        ("application/json", b'{"choices": {}}'),
        ("application/json", b'{"choices": "stop"}'),
        ("application/json", b'{"choices": [null]}'),
        ("application/json", b'{"choices": [{"finish_reason": "stop"}]}'),
        ("application/json", b'{"choices": [{"message": null, "finish_reason": "stop"}]}'),
        ("application/json", b'{"choices": [{"message": {"content": ["a"]}, "finish_reason": "stop"}]}'),
        ("application/json", b'{"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}'),
        ("application/json", b'{"choices": [{"message": {"content": "half \\ud83d"}, "finish_reason": "stop"}]}'),
        ("application/json", b'{"choices": [{"message": {"content": "a"}, "finish_reason": {"type": "stop"}}]}'),
        ("application/json", b'{"choices": [{"message": {"content": "a"}, "finish_reason": "\\udc00"}]}'),
    ],
)
def test_a_200_that_is_no_completion_is_a_failure(serving: Serving, content_type: str, body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type)

    async def talk() -> CallFailed:
        async with serving(handler) as base_url:
            return await failure(base_url)

    failed = asyncio.run(talk())
    assert (failed.kind, failed.fatal) == ("protocol", False)
    assert failed.message
    failed.message.encode()


def test_a_withheld_reply_is_a_failure(serving: Serving, completion: Completion) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(completion(None, "content_filter"))

    async def talk() -> CallFailed:
        async with serving(handler) as base_url:
            return await failure(base_url)

    failed = asyncio.run(talk())
    assert (failed.kind, failed.fatal) == ("content_filter", False)


def test_a_refused_connection_is_fatal_and_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failed = asyncio.run(failure(f"http://127.0.0.1:{port}/v1"))
    assert (failed.kind, failed.fatal) == ("connection", True)
    assert failed.message == "cannot connect: Connection refused"


def test_an_unknown_host_is_fatal() -> None:
    failed = asyncio.run(failure("http://nowhere.invalid/v1"))
    assert (failed.kind, failed.fatal) == ("connection", True)


@pytest.mark.parametrize("when", ["at_once", "in_the_body"])
def test_a_reset_connection_may_pass(serving: Serving, when: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "500"})
        if when == "in_the_body":
            await response.prepare(request)
            await response.write(b'{"choices": [')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def talk() -> CallFailed:
        async with serving(handler) as base_url:
            return await failure(base_url)

    failed = asyncio.run(talk())
    assert (failed.kind, failed.fatal) == ("connection", False)


@pytest.mark.parametrize("drips", [False, True])
def test_a_reply_that_does_not_come_in_time_is_a_timeout(serving: Serving, drips: bool) -> None:
    """A server that keeps sending a byte now and then is out of time as well."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if drips:
            await response.prepare(request)
        for _ in range(40):
            await asyncio.sleep(0.1)
            if drips:
                await response.write(b" ")
        return response

    async def talk() -> tuple[CallFailed, float]:
        async with serving(handler) as base_url:
            started = asyncio.get_running_loop().time()
            failed = await failure(base_url, timeout=0.3)
            return failed, asyncio.get_running_loop().time() - started

    failed, seconds = asyncio.run(talk())
    assert (failed.kind, failed.fatal, failed.message) == ("timeout", False, "no reply within 0.3 s")
    assert seconds < 2


@pytest.mark.parametrize("before", [10, 464, 478, 484, 490])
def test_a_key_that_the_server_repeats_is_masked(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """Wherever in a long message it stands: no part of it may remain where the message is cut."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    body: dict[str, Any] = {}
    status = 200

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async def talk() -> list[str]:
        nonlocal status, body
        said = []
        async with serving(handler) as base_url:
            for number in (401, 400, 429, 500):
                status, body = number, {"error": {"message": "x" * before + f" {KEY} is the key"}}
                said.append((await failure(base_url, api_key_env=KEY_VARIABLE)).message)
            status, body = 200, {"said": "y" * max(0, before - 300) + KEY}
            said.append((await failure(base_url, api_key_env=KEY_VARIABLE)).message)
            status, body = 401, {"error": {"message": "x" * before + f" {KEY} is the key"}}
            said.append(await check(base_url, api_key_env=KEY_VARIABLE) or "")
        return said

    for message in asyncio.run(talk()):
        assert KEY[:8] not in message
        assert before > 10 or "***" in message


def models(*names: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    return handler


def test_the_check_asks_for_the_model(serving: Serving) -> None:
    async def talk() -> list[str | None]:
        async with serving(models("a", "m")) as has, serving(models("mm", "b")) as lacks, serving(models()) as empty:
            return [await check(has), await check(lacks), await check(empty)]

    has, lacks, empty = asyncio.run(talk())
    assert has is None
    assert lacks is not None
    assert "no model named 'm'. Known: b, mm." in lacks
    assert empty is None


def test_the_check_takes_endpoints_that_list_nothing_at_their_word(serving: Serving) -> None:
    replies = [
        web.Response(status=404),
        web.Response(status=405),
        web.Response(status=500),
        web.Response(text="<html></html>", content_type="text/html"),
        web.Response(text="{", content_type="application/json"),
        web.json_response([]),
        web.json_response({}),
        web.json_response({"data": None}),
        web.json_response({"data": ["m"]}),
        web.json_response({"models": []}),
    ]

    async def handler(_: web.Request) -> web.Response:
        return left.pop(0)

    async def talk() -> list[str | None]:
        async with serving(handler) as base_url:
            return [await check(base_url) for _ in replies]

    left = list(replies)
    assert asyncio.run(talk()) == [None] * len(replies)


def test_the_check_names_what_is_wrong(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)

    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no such key"}}, status=401)

    async def talk() -> list[str | None]:
        async with serving(handler) as base_url:
            found = [await check(base_url, api_key_env=KEY_VARIABLE, name="teacher"), await check(base_url)]
        return [*found, await check(base_url)]

    wrong, missing, down = asyncio.run(talk())
    assert wrong is not None
    assert wrong.startswith("teacher: http://127.0.0.1:")
    assert f"(HTTP 401: no such key). Check the key in {KEY_VARIABLE}." in wrong
    assert missing is not None
    assert "api_key_env" in missing
    assert down is not None
    assert "cannot connect: Connection refused. Start the server" in down


@pytest.mark.parametrize("address", ["localhost:8000/v1", "http://user:pw@host/v1", "ftp://host", "http://", ""])
def test_an_address_is_checked(address: str) -> None:
    with pytest.raises(ValidationError, match="an address like"):
        OpenAI(model="m", base_url=address)
