"""What a run needs of an endpoint: it is up, takes the key, knows the model, replies, and its clock agrees with ours.

Whether JSON output is really enforced is found out by asking for prose under a schema: an endpoint that enforces the
schema cannot write prose, and one that ignores it will.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

from ...generators.batches.settings import online
from ...generators.providers import Provider, Reply, Request, Site
from ...schemas.errors import CallFailed, EndpointError
from ...schemas.rows import Message, Task
from . import PROBE_S, Check

REPLY_TOKENS = 16
"""Length of the reply to the tiny call."""
SCHEMA_TOKENS = 200
"""Length of the reply under a schema."""
LARGEST_SKEW_S = 60
"""Seconds that two clocks may differ."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"wave_count": {"type": "integer"}, "colour": {"type": "string", "enum": ["teal", "ochre"]}},
    "required": ["wave_count", "colour"],
    "additionalProperties": False,
}
STRUCTURED = ("response_format", "structured_outputs", "guided_json")
"""Keys of a request body that ask for JSON of a schema (OpenAI; vLLM, now and before 0.12)."""
NOTHING = Site()
"""Of a run that has neither a simulated world nor engines."""
FIXES: Mapping[str, str] = {
    "timeout": "Is the server overloaded or still loading the model? Try again in a minute.",
    "connection": "Start the server, or correct base_url.",
    "rate_limited": "Wait, lower max_in_flight, or look at the account's limits and credit.",
    "server_error": "Look at the server's log.",
    "rejected": "Correct what the endpoint names: the key, the model, or a sampling parameter.",
    "protocol": "base_url must be an OpenAI-compatible API, up to and including /v1.",
}
"""Kind of failure -> what to do about it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an endpoint said when it was asked for its models."""

    status: int | None
    """None where there was no reply."""
    problem: str
    seconds: float
    skew_s: float | None
    """The server's clock minus ours; None where it does not tell the time."""
    models: tuple[str, ...] | None
    """None where it does not list them."""


async def listen(base_url: str, variable: str | None) -> Heard:
    """Ask an address for its models, with the key in the environment variable `variable`."""
    key = os.environ.get(variable, "") if variable else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limit, sent = aiohttp.ClientTimeout(total=PROBE_S), time.time()
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, headers=headers, trust_env=True) as session,
            session.get(f"{base_url}/models") as reply,
        ):
            body, came = await reply.read(), time.time()
            skew = _skew(reply.headers.get("Date"), sent, came)
            return Heard(reply.status, "", came - sent, skew, _models(body) if reply.status == 200 else None)
    except TimeoutError:
        return Heard(None, f"no reply within {PROBE_S:g} s", PROBE_S, None, None)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        cause = getattr(error, "os_error", None) or error
        said = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else str(cause)
        return Heard(None, f"cannot connect: {said or type(error).__name__}", time.time() - sent, None, None)


def _skew(date: str | None, sent: float, came: float) -> float | None:
    try:
        told = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
    # The header has whole seconds, and was written somewhere between the request and the reply.
    return max(0.0, told - came) or min(0.0, told + 1 - sent)


def _models(body: bytes) -> tuple[str, ...] | None:
    try:
        return tuple(str(entry["id"]) for entry in orjson.loads(body)["data"]) or None
    except (ValueError, KeyError, TypeError):
        return None


def up(base_url: str, heard: Heard) -> Check:
    """The address replies."""
    what = f"endpoint {base_url}"
    if heard.status is None:
        return Check(what, "red", heard.problem, FIXES["connection"])
    found = f"HTTP {heard.status} in {heard.seconds:.3f} s"
    return Check(what, "red", found, FIXES["server_error"]) if heard.status >= 500 else Check(what, "ok", found)


def clock(base_url: str, heard: Heard) -> Check:
    """Its clock agrees with this machine's."""
    what = f"clock {base_url}"
    if heard.skew_s is None:
        return Check(what, "skipped", "it does not tell the time" if heard.status else "it does not reply")
    if abs(heard.skew_s) > LARGEST_SKEW_S:
        side = "ahead of" if heard.skew_s > 0 else "behind"
        found = f"the endpoint is {abs(heard.skew_s):,.0f} s {side} this machine"
        return Check(what, "red", found, "Set the clock of whichever is wrong (`timedatectl set-ntp true`).")
    return Check(what, "ok", f"within {max(1, round(abs(heard.skew_s)))} s of this machine's")


def model(provider: Provider, heard: Heard, unset: str | None) -> Check:
    """The endpoint knows the model."""
    what = f"model {provider.label}"
    if heard.models is None:
        return Check(what, "skipped", unset or "the endpoint does not list its models")
    if provider.model in heard.models:
        return Check(what, "ok", f"{provider.model}, one of {len(heard.models):,}")
    near = difflib.get_close_matches(provider.model, heard.models, n=3, cutoff=0.3) or heard.models[:3]
    return Check(what, "red", f"no model named {provider.model!r}", f"Correct `model`; there are: {', '.join(near)}.")


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call."""

    reply: Reply | None
    kind: str
    message: str
    seconds: float


async def call(
    provider: Provider, text: str, tokens: int, site: Site = NOTHING, limit_s: float = PROBE_S, **body: object
) -> Called:
    """One attempt with the recipe's own sampling, a short reply and `body` in the request; never raises."""
    sampling = provider.sampling
    limits = {name: tokens for name in ("max_tokens", "max_completion_tokens") if getattr(sampling, name) is not None}
    extra = {name: value for name, value in sampling.extra_body.items() if name not in STRUCTURED} | body
    task = Task(messages=(Message(role="user", content=text),))
    started = time.monotonic()
    probing = online(provider).model_copy(update={"timeout": limit_s})
    # OpenAI's reasoning models know only one of the two limits, and most servers only the other.
    tries = [limits] if limits else [{"max_tokens": tokens}, {"max_completion_tokens": tokens}]
    called = Called(None, "timeout", f"no reply within {limit_s:g} s", limit_s)
    try:
        async with asyncio.timeout(limit_s), probing.open(site) as connection:
            for limit in tries:
                asked = sampling.model_copy(update={"extra_body": extra, **limit})
                try:
                    reply = await connection.complete(Request(task.messages, asked, 0, task))
                    return Called(reply, "ok", "", time.monotonic() - started)
                except CallFailed as failed:
                    called = Called(None, failed.kind, failed.message, time.monotonic() - started)
                    if failed.kind != "rejected" or failed.fatal or "max_tokens" not in failed.message:
                        return called
    except TimeoutError:
        pass
    except EndpointError as error:
        return Called(None, "connection", str(error), time.monotonic() - started)
    return called


def replies(provider: Provider, called: Called) -> Check:
    """A tiny call is answered."""
    what = f"call {provider.label}"
    if called.reply is None and called.kind != "content_filter":
        fix = FIXES.get(called.kind, "Try the same call by hand.")
        variables = ", ".join(provider.environment().values())
        if called.kind == "rejected" and variables and ("HTTP 401" in called.message or "HTTP 403" in called.message):
            fix = f"Check the key in {variables}."
        return Check(what, "red", called.message, fix)
    tokens = f", {called.reply.prompt_tokens}+{called.reply.completion_tokens} tokens" if called.reply else ""
    return Check(what, "ok", f"replied in {called.seconds:.2f} s{tokens}")


async def under_schema(provider: Provider, site: Site = NOTHING, limit_s: float = PROBE_S) -> Called:
    """Ask for prose under a schema."""
    form = {"type": "json_schema", "json_schema": {"name": "probe", "strict": True, "schema": SCHEMA}}
    text = "Write one sentence about the sea, in plain words."
    return await call(provider, text, SCHEMA_TOKENS, site, limit_s, response_format=form)


def enforces(provider: Provider, called: Called) -> Check:
    """JSON of a schema is enforced; red only where the recipe asks for it."""
    what, needed = f"JSON schema {provider.label}", any(name in provider.sampling.extra_body for name in STRUCTURED)
    if called.reply is None and called.kind != "rejected":
        return Check(what, "red" if needed else "skipped", called.message, FIXES.get(called.kind, "") if needed else "")
    if called.reply is None:
        found = f"refused: {called.message}"
    elif _fits(called.reply.text):
        return Check(what, "ok", "enforced")
    elif not called.reply.text.strip() or called.reply.finish_reason == "length":
        return Check(what, "skipped", f"cannot be told from the first {SCHEMA_TOKENS} tokens of the reply")
    else:
        found = f"ignored: {called.reply.text[:40]!r}"
    if needed:
        return Check(
            what, "red", found, "Take the schema out of `sampling: extra_body`, or use an endpoint that has it."
        )
    return Check(what, "ok", f"{found}; nothing in this recipe needs it")


def _fits(text: str) -> bool:
    """Whether a text is JSON of `SCHEMA`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return (
        isinstance(value, dict)
        and set(value) == set(SCHEMA["required"])
        and type(value["wave_count"]) is int
        and value["colour"] in SCHEMA["properties"]["colour"]["enum"]
    )
