"""Single calls to an OpenAI-compatible endpoint, over aiohttp.

The `openai` package spends 2 to 4 ms of CPU on a call, aiohttp 0.2 ms; at a few hundred calls in flight that is what
limits a run (`benchmarks/throughput.py`). The request is what the package would send, body and `Authorization`
header; errors are mapped by HTTP status (https://platform.openai.com/docs/guides/error-codes): 401, 403 and 404 would
fail for every further call, 429 and 5xx may pass, other 4xx concern one request only.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.request import getproxies

import aiohttp
import orjson

from ...schemas.errors import CallFailed, EndpointError, known
from ..asking import request_body
from ..load import load_of
from . import Load, Provider, Reply, Request
from ._access import Access
from ._completion import read_completion
from ._quota import quota_of, retry_after

CHECK_S = 10.0
"""Seconds an endpoint has to list its models before a run; it may well take longer over a real reply."""
LONGEST_MESSAGE = 500
"""Characters that are kept of what a server says about a failure."""
AT_ONCE = 1 << 20
"""Bytes of a body that aiohttp sends in one piece without a warning; a larger one it takes as a file."""
BROKEN = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})
"""A connection that stood and broke; other errors of the system mean that none was made."""


@asynccontextmanager
async def chatting(provider: Provider, access: Access) -> AsyncIterator[ChatEndpoint]:
    """A pooled connection for single calls."""
    async with session_to(access) as session:
        yield ChatEndpoint(provider, access, session)


def session_to(access: Access) -> aiohttp.ClientSession:
    """Pooled connections to an endpoint, to be closed; `Slots` limits the calls, so the pool itself does not."""
    if access.socket is None:
        connector: aiohttp.BaseConnector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    else:
        connector = aiohttp.UnixConnector(access.socket, limit=0, keepalive_timeout=60)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None),
        headers=access.headers(),
        # Looked at on each request, so only where the environment names a proxy at all; a socket needs none.
        trust_env=access.socket is None and bool(getproxies()),
    )


class ChatEndpoint:
    """A live OpenAI-compatible endpoint."""

    def __init__(self, provider: Provider, access: Access, session: aiohttp.ClientSession) -> None:
        self._provider, self._access, self._session = provider, access, session
        self._where = f"{provider.label}: {access.base_url}"

    async def complete(self, request: Request) -> Reply:
        """One attempt; see `Connection.complete`."""
        body = request.body or request_body(self._provider, request)
        status, headers, raw = await self.send("POST", "/chat/completions", self._provider.timeout, body)
        if status != 200:
            raise self._refused(status, headers, _json(raw))
        reply, quota = read_completion(_json(raw), self._access.masked), quota_of(headers)
        return replace(reply, quota=quota) if quota else reply

    async def check(self) -> None:
        """List the endpoint's models; endpoints that cannot list them are taken at their word."""
        try:
            status, _, raw = await self.send("GET", "/models", CHECK_S)
        except CallFailed as failed:
            raise EndpointError(
                f"{self._where}: {failed.message}. Start the server, or correct base_url, and run again."
            ) from failed
        found = _json(raw)
        if status in (401, 403):
            raise EndpointError(self._key_refused(status, found))
        models = _models(found) if status == 200 else []
        if models and self._provider.model not in models:
            raise EndpointError(
                f"{self._where}: no model named {self._provider.model!r}. {known(self._provider.model, models)}"
            )

    async def load(self) -> Load | None:
        """What vLLM tells in `/metrics`, which lies beside `/v1`."""
        try:
            status, _, raw = await self.send("GET", "/metrics", CHECK_S, root=True)
        except CallFailed:
            return None
        return load_of(raw.decode(errors="replace")) if status == 200 else None

    async def send(
        self, method: str, path: str, timeout_s: float, body: bytes | None = None, *, root: bool = False
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of one exchange; with `root`, of a path beside `/v1`.

        Raises `CallFailed` where there is no whole reply in time.
        """
        base_url = self._access.base_url.removesuffix("/v1") if root else self._access.base_url
        data = BytesIO(body) if body is not None and len(body) > AT_ONCE else body
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(method, base_url + path, data=data) as response,
            ):
                return response.status, response.headers, await response.read()
        except TimeoutError as error:
            raise CallFailed("timeout", f"no reply within {timeout_s:g} s") from error
        except aiohttp.ClientError as error:
            raise self._unconnected(error) from error

    def _unconnected(self, error: aiohttp.ClientError) -> CallFailed:
        """A call without any reply, because the connection was not made or broke."""
        if not isinstance(error, OSError):
            return CallFailed("connection", self._line(str(error)) or type(error).__name__)
        number = error.errno or 0
        said = os.strerror(number) if number > 0 else error.strerror or str(error)
        if number in BROKEN:
            return CallFailed("connection", said)
        return CallFailed("connection", f"cannot connect: {said}", fatal=True)

    def _refused(self, status: int, headers: Mapping[str, str], body: object) -> CallFailed:
        text = self._said(status, body)
        if status in (401, 403):
            return CallFailed("rejected", self._key_refused(status, body), fatal=True)
        if status == 404:
            return CallFailed("rejected", f"{self._where}: {text}", fatal=True)
        if status == 429:
            out_of_credit = _error_of(body).get("code") == "insufficient_quota"
            message = f"{self._where}: {text}" if out_of_credit else text
            return CallFailed("rate_limited", message, retry_after=retry_after(headers), fatal=out_of_credit)
        if status >= 500 or status in (408, 409):
            return CallFailed("server_error", text, retry_after=retry_after(headers))
        return CallFailed("rejected", text)

    def _key_refused(self, status: int, body: object) -> str:
        variable = self._access.key_variable
        hint = f"Check the key in {variable}." if variable else "Name the variable that holds the key: api_key_env."
        return f"{self._where}: the endpoint refuses the key (HTTP {status}: {self._said(status, body)}). {hint}"

    def _said(self, status: int, body: object) -> str:
        """What the server says about a failure."""
        error = _error_of(body)
        return self._line(str(error.get("message") or error.get("detail") or body or f"HTTP {status}"))

    def _line(self, text: str) -> str:
        """A text as one line of UTF-8. Masked before it is cut: half a key is too much as well."""
        line = self._access.masked(" ".join(text.split()))[:LONGEST_MESSAGE]
        return line.encode(errors="backslashreplace").decode()


def _json(raw: bytes) -> Any:  # noqa: ANN401 - a server may send anything
    """What a body holds: JSON, or its text."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


def _models(body: object) -> list[str]:
    """The model names in a list of models; empty where it is none."""
    data = body.get("data") if isinstance(body, dict) else None
    entries = data if isinstance(data, list) else []
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def _error_of(body: object) -> dict[str, Any]:
    """The error object of a body, `{"error": {…}}` or the body itself; empty where it has none."""
    if not isinstance(body, dict):
        return {}
    error = body.get("error", body)
    return error if isinstance(error, dict) else {"message": error}
