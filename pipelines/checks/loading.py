"""Each model that a run loads itself, loaded once and asked: `prefmill doctor --load`."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from ...generators.hosting.engine import Engine
from ...generators.hosting.pool import Pool
from ...generators.hosting.settings import Hosted
from ...generators.providers import Connection, Reply, Request, Site
from ...schemas.errors import CallFailed, EndpointError
from ...schemas.rows import Message, Task
from ...schemas.sampling import Sampling
from . import Check
from .endpoints import REPLY_TOKENS, call, enforces, replies, under_schema

BURST, BURST_TOKENS = 64, 64
"""Requests asked at one time, and tokens of each reply."""
ANSWER_S = 300.0
"""Seconds that a loaded model has for one reply."""
HINT = "`prefmill doctor --load` loads it, asks it and says how fast it is."


def unloaded(entries: Sequence[Hosted]) -> list[Check]:
    """The rows that only loading can fill."""
    return [Check(f"load {entry.label}", "skipped", "not loaded", HINT) for entry in entries]


async def loaded(entries: Sequence[Hosted], order: Sequence[Hosted], devices: Sequence[int]) -> list[Check]:
    """Load the models of `order`, one after the other, and ask every entry that shares them.

    The logs stay where a model could not be loaded.
    """
    logs = Path(tempfile.mkdtemp(prefix="prefmill-doctor-"))
    pool = Pool(logs, devices)
    rows: list[Check] = []
    try:
        async with AsyncExitStack() as stack:
            site = Site(engines=pool)
            # Adapters are loaded with their model, so all entries must be known before.
            opened = [await stack.enter_async_context(entry.open(site)) for entry in entries]
            for provider in order:
                own = [
                    (entry, connection)
                    for entry, connection in zip(entries, opened, strict=True)
                    if entry.engine_key() == provider.engine_key()
                ]
                rows += await _one(pool, site, own)
    finally:
        await pool.close()
        if not any(check.state == "red" for check in rows):
            shutil.rmtree(logs, ignore_errors=True)
    return [replace(check, fix=f"Look into the log in {logs}.") if _by_call(check) else check for check in rows]


def _by_call(check: Check) -> bool:
    """Whether a call failed: what to do about that is said for servers that somebody else runs."""
    return check.state == "red" and not check.what.startswith("load ")


async def _one(pool: Pool, site: Site, own: Sequence[tuple[Hosted, Connection]]) -> list[Check]:
    """One model: loading, its speed, and for each entry a tiny question and one under a schema."""
    first, connection = own[0]
    what, started = f"load {first.label}", time.monotonic()
    try:
        await pool.admit([first])
        engine: Engine = await pool.loaded(first.engine_key())
    except EndpointError as error:
        said, _, log = str(error).removeprefix(f"{first.label}: ").partition(" (log: ")
        why, _, advice = said.partition(". ")
        return [Check(what, "red", why, f"{advice} Log: {log.rstrip(')')}".strip())]
    seconds = time.monotonic() - started
    rows = []
    for entry, _ in own:
        tiny = await call(entry, "Say yes.", REPLY_TOKENS, site, ANSWER_S)
        schema = await under_schema(entry, site, ANSWER_S)
        rows += [replies(entry, tiny), enforces(entry, schema)]
    speed = await _burst(connection) if engine.alive() else "it has died"
    return [Check(what, "ok", f"{seconds:.1f} s; {speed}"), *rows]


async def _burst(connection: Connection) -> str:
    """How many tokens a second many requests get together."""
    started = time.monotonic()
    ended = await asyncio.gather(*(_asked(connection, number) for number in range(BURST)))
    seconds, tokens = time.monotonic() - started, sum(reply.completion_tokens for reply in ended if reply)
    failed = sum(reply is None for reply in ended)
    said = f"{tokens / seconds:,.0f} tokens/s of {BURST} replies of {BURST_TOKENS} tokens at one time"
    return said if not failed else f"{said}; {failed} failed"


async def _asked(connection: Connection, number: int) -> Reply | None:
    """A reply as long as it may be; None where it failed."""
    messages = (Message(role="user", content=f"Tell the story of ship number {number}."),)
    sampling = Sampling(temperature=1.0, max_tokens=BURST_TOKENS, extra_body={"ignore_eos": True})
    try:
        return await connection.complete(Request(messages, sampling, number, Task(messages=messages)))
    except CallFailed:
        return None
