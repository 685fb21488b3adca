"""Runs a simulated world on a loopback port, in a thread with an event loop of its own.

The loop is its own so that the client's loop, whose timing is measured, is not held up by the server's work.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson
from aiohttp import web

from ...schemas.errors import EndpointError
from ..providers import World
from .batches import Batches
from .chat import SYSTEM_FINGERPRINT
from .endpoint import Endpoint
from .population import BY_NAME
from .settings import WorldSettings

HOST = "127.0.0.1"
RETRY_AFTER = "0.05"
_LARGEST_BODY = 256 * 2**20


def _json(status: int, body: dict[str, Any]) -> web.Response:
    headers = {"Retry-After": RETRY_AFTER} if status == 429 else None
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


class _Routes:
    """The addresses of a world, those of its Batch API apart."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def chat(self, request: web.Request) -> web.Response:
        endpoint = self._endpoint
        endpoint.in_flight += 1
        endpoint.in_flight_peak = max(endpoint.in_flight_peak, endpoint.in_flight)
        try:
            arrival = endpoint.arrive(await request.read(), request.headers.get("Authorization"))
            if arrival.fault == "hang":
                await asyncio.sleep(endpoint.settings.hang_seconds)
            elif arrival.delay and arrival.fault != "rate_limited":
                await asyncio.sleep(arrival.delay)
            return _json(*endpoint.reply(arrival))
        finally:
            endpoint.in_flight -= 1

    async def models(self, request: web.Request) -> web.Response:
        if (refusal := self._endpoint.unauthorized(request.headers.get("Authorization"))) is not None:
            return _json(*refusal)
        entries = [{"id": name, "object": "model", "created": 0, "owned_by": "simulated"} for name in BY_NAME]
        return _json(200, {"object": "list", "data": entries, "system_fingerprint": SYSTEM_FINGERPRINT})

    async def stats(self, _: web.Request) -> web.Response:
        return _json(200, self._endpoint.stats())


@asynccontextmanager
async def listening(settings: WorldSettings, port: int = 0) -> AsyncIterator[World]:
    """A world on the running event loop; port 0 takes a free one. Raises `EndpointError` where the port is taken."""
    endpoint = Endpoint(settings)
    routes = _Routes(endpoint)
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.add_routes(
        [
            web.post("/v1/chat/completions", routes.chat),
            web.get("/v1/models", routes.models),
            web.get("/stats", routes.stats),
            *Batches(endpoint).routes(),
        ]
    )
    # A call whose client went away is dropped while it waits: its reply was not delivered, so it is not billed.
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port, backlog=1024)
        try:
            await site.start()
        except OSError as problem:
            raise EndpointError(f"simulated world: cannot listen on {HOST}:{port}: {problem.strerror}") from problem
        yield World(base_url=f"http://{HOST}:{runner.addresses[0][1]}/v1")
    finally:
        await runner.cleanup()


@contextmanager
def running(settings: WorldSettings, port: int = 0) -> Iterator[World]:
    """A world in a daemon thread until the block is left; port 0 takes a free one. Raises as `listening`."""
    started: Future[tuple[World, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with listening(settings, port) as world:
            started.set_result((world, asyncio.get_running_loop(), stop))
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(serve())
        except EndpointError as problem:
            started.set_exception(problem)

    thread = threading.Thread(target=work, name="simulated-world", daemon=True)
    thread.start()
    world, loop, stop = started.result()
    try:
        yield world
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
