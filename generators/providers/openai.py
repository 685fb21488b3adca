"""Any OpenAI-compatible endpoint, a vLLM server among them, through the `openai` package over aiohttp.

The package's own retries are off: `generators/calls.py` retries for all providers, so that every attempt is counted.
Errors are mapped by HTTP status (https://platform.openai.com/docs/guides/error-codes): 401, 403 and 404 would fail
for every further call, 429 and 5xx may pass, other 4xx concern one request only.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator

from ...schemas.errors import CallFailed, EndpointError, known
from ..prices import listed
from . import Connection, Price, Reply, Request, Site
from ._batch_settings import Batching

if TYPE_CHECKING:
    from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI

NO_KEY = "none"
"""Sent where the recipe names no key: servers without authentication ignore it."""
CHECK_S = 10.0
"""Seconds an endpoint has to list its models before a run; it may well take longer over a real reply."""
OPENAI_URL = "https://api.openai.com/v1"
LONGEST_MESSAGE = 500
"""Characters that are kept of what a server says about a failure."""
BROKEN = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})
"""A connection that stood and broke; other errors of the system mean that none was made."""


class OpenAI(Batching):
    """An OpenAI-compatible chat-completions endpoint."""

    operational: ClassVar[frozenset[str]] = Batching.operational | {"base_url", "api_key_env"}

    base_url: str = OPENAI_URL
    """Address up to and including `/v1`."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; None for servers without authentication."""

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        if not re.match(r"https?://[^/@\s]+(/[^@\s]*)?$", value):
            raise ValueError("an address like http://localhost:8000/v1, without user or password in it")
        return value.rstrip("/")

    def priced(self) -> Price | None:
        """The recipe's price, or the one that the table lists for this address (`generators/prices.py`)."""
        return self.price or listed(self.base_url, self.model)

    def environment(self) -> Mapping[str, str]:
        """The variable that holds the key, where one is named."""
        return {"api_key_env": self.api_key_env} if self.api_key_env else {}

    @asynccontextmanager
    async def open(self, site: Site) -> AsyncIterator[Connection]:
        """A pooled connection, closed at the end of the run."""
        from ._batch import batching

        async with self._online() as online, batching(self, online, site) as connection:
            yield connection

    @asynccontextmanager
    async def _online(self) -> AsyncIterator[Connection]:
        """The connection for single calls."""
        from openai import AsyncOpenAI, DefaultAioHttpClient

        key = os.environ.get(self.api_key_env, "") if self.api_key_env else NO_KEY
        async with AsyncOpenAI(
            api_key=key or NO_KEY,
            base_url=self.base_url,
            max_retries=0,
            timeout=self.timeout,
            http_client=DefaultAioHttpClient(),
        ) as client:
            yield _Endpoint(self, client)


class _Endpoint:
    """A live OpenAI-compatible endpoint."""

    def __init__(self, provider: OpenAI, client: AsyncOpenAI) -> None:
        self._provider, self._client = provider, client

    async def complete(self, request: Request) -> Reply:
        """One attempt; see `Connection.complete`."""
        from openai import APIConnectionError, APIError, APIStatusError

        try:
            # The client's own timeout starts again with every byte that arrives.
            async with asyncio.timeout(self._provider.timeout):
                completion = await self._client.chat.completions.create(
                    model=self._provider.model,
                    messages=[{"role": m.role, "content": m.content} for m in request.messages],  # type: ignore[misc]
                    extra_body=request.sampling.extra() or None,
                    **request.sampling.standard(),
                )
        except TimeoutError as error:
            raise self._late() from error
        except APIConnectionError as error:
            raise self._unconnected(error) from error
        except APIStatusError as error:
            raise self._refused(error) from error
        except (APIError, ValueError) as error:
            raise CallFailed("protocol", self._clean(error)) from error
        try:
            return _read(completion)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            shown = repr(self._masked(str(completion))[:200])
            raise CallFailed("protocol", f"the reply is not a chat completion: {shown}") from error

    async def check(self) -> None:
        """List the endpoint's models; endpoints that cannot list them are taken at their word."""
        from openai import APIConnectionError, APIError, APIStatusError

        where, model = f"{self._provider.label}: {self._provider.base_url}", self._provider.model
        try:
            listed = [entry.id async for entry in self._client.with_options(timeout=CHECK_S).models.list()]
        except APIConnectionError as error:
            raise EndpointError(
                f"{where}: {self._unconnected(error).message}. Start the server, or correct base_url, and run again."
            ) from error
        except APIStatusError as error:
            if error.status_code in (401, 403):
                raise EndpointError(self._key_refused(where, error)) from error
            return
        except (APIError, ValueError, AttributeError):
            return
        if listed and model not in listed:
            raise EndpointError(f"{where}: no model named {model!r}. {known(model, listed)}")

    def _unconnected(self, error: APIConnectionError) -> CallFailed:
        """A call without any reply: the connection failed, or it stood and nothing came in time."""
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        # The transport reports refused and broken connections as timeouts; only the innermost cause tells.
        if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            number = cause.errno or 0
            said = os.strerror(number) if number > 0 else cause.strerror or str(cause)
            unreachable = not isinstance(cause, ConnectionResetError | BrokenPipeError) and number not in BROKEN
            return CallFailed("connection", f"cannot connect: {said}" if unreachable else said, fatal=unreachable)
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return self._late()
        return CallFailed("connection", self._clean(cause))

    def _late(self) -> CallFailed:
        return CallFailed("timeout", f"no reply within {self._provider.timeout:g} s")

    def _refused(self, error: APIStatusError) -> CallFailed:
        status, text = error.status_code, self._clean(error)
        where = f"{self._provider.label}: {self._provider.base_url}"
        if status in (401, 403):
            return CallFailed("rejected", self._key_refused(where, error), fatal=True)
        if status == 404:
            return CallFailed("rejected", f"{where}: {text}", fatal=True)
        if status == 429:
            out_of_credit = error.code == "insufficient_quota"
            message = f"{where}: {text}" if out_of_credit else text
            return CallFailed("rate_limited", message, retry_after=_retry_after(error), fatal=out_of_credit)
        if status >= 500 or status in (408, 409):
            return CallFailed("server_error", text, retry_after=_retry_after(error))
        return CallFailed("rejected", text)

    def _key_refused(self, where: str, error: APIStatusError) -> str:
        variable = self._provider.api_key_env
        hint = f"Check the key in {variable}." if variable else "Name the variable that holds the key: api_key_env."
        return f"{where}: the endpoint refuses the key (HTTP {error.status_code}: {self._clean(error)}). {hint}"

    def _clean(self, error: BaseException | APIError) -> str:
        """The error in one line of UTF-8, without the key: some servers repeat it in what they say."""
        body = getattr(error, "body", None)
        said = (body.get("message") or body.get("detail") or body) if isinstance(body, dict) else body
        # Masked before it is cut: half a key is too much as well.
        text = self._masked(" ".join(str(said or error).split()))[:LONGEST_MESSAGE]
        return text.encode(errors="backslashreplace").decode() or type(error).__name__

    def _masked(self, text: str) -> str:
        key = self._client.api_key
        return text if key == NO_KEY else text.replace(key, "***")


def _read(completion: Any) -> Reply:  # noqa: ANN401 - a server may send anything with status 200
    """The reply in a completion; raises one of four built-in errors where it is none. Nothing is taken for granted."""
    choice, usage = completion.choices[0], completion.usage
    text, finish = choice.message.content or choice.message.refusal or "", getattr(choice, "finish_reason", None)
    if not isinstance(text, str) or not isinstance(finish, str | None):
        raise TypeError("a reply is text")
    (text + (finish or "")).encode()  # JSON can escape half of a character, which no file can hold.
    if finish == "content_filter":
        raise CallFailed("content_filter", "the endpoint withheld the reply")
    return Reply(
        text, finish, _tokens(getattr(usage, "prompt_tokens", 0)), _tokens(getattr(usage, "completion_tokens", 0))
    )


def _tokens(count: object) -> int:
    """A token count; 0 where the server gives none."""
    return count if isinstance(count, int) and 0 <= count < 2**63 else 0


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds the server asks to wait (`retry-after-ms`, or `retry-after` in seconds)."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(error.response.headers[name]) * scale)
        except (KeyError, ValueError):
            continue
    return None
