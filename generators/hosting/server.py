"""An engine that is a `vllm serve` of this run's own, on a Unix socket in a folder that only this user can open.

A key would only guard `/v1` (https://docs.vllm.ai/en/latest/usage/security.html), not the paths that put a model to
sleep or change its weights, and a port that is free now may be taken when it starts.

Paths beside the OpenAI API: `/health` (503 once the engine is dead), `/metrics`, and, in vLLM's development mode only,
`/sleep` and `/wake_up` (https://docs.vllm.ai/en/latest/features/sleep_mode.html). A server whose engine has died still
answers for a moment, with HTTP 500, so what a failed call means is asked of `/health`.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import resource
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp

from ...schemas.errors import CallFailed, EndpointError
from ..providers import Reply, Request
from ..providers._access import Access
from ..providers._chat import ChatEndpoint, session_to
from .advice import advised
from .engine import Engine, Served
from .patience import Patience
from .process import Process
from .reason import reason
from .serve_command import served_name
from .settings import Hosted

LOOK_EVERY_S = 0.1
HEALTH_S, SWITCH_S, METRICS_S = 10.0, 300.0, 30.0
"""Seconds that a server has to say whether it is well, to fall asleep or wake up, and to tell its figures."""
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7))."""
OPEN_FILES = 65_535
"""What vLLM asks for itself (`vllm/utils/system_utils.py`): a connection for each call in flight."""
_COUNTER = re.compile(r"^vllm:(\w+)_total(?:\{[^}]*\})?\s+(\S+)", re.MULTILINE)


class Server(Engine):
    """A `vllm serve` and the processes it starts."""

    def __init__(
        self, provider: Hosted, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, sleeps: bool
    ) -> None:
        """`command`: the whole command line but for the socket; `sleeps`: whether it enables sleep mode."""
        self._provider, self._command, self._folder = provider, command, folder
        self._environment, self._sleeps = environment, sleeps
        self._process: Process | None = None
        self._private: Path | None = None
        self._session: aiohttp.ClientSession | None = None
        self._looking: asyncio.Task[bool] | None = None
        self._patience = Patience()
        self._ill = False

    async def start(self) -> None:
        """See `Engine.start`."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._private = Path(tempfile.mkdtemp(prefix="prefmill-"))
        socket = self._private / "api"
        if len(os.fsencode(socket)) > LONGEST_SOCKET:
            raise EndpointError(f"{self._private}: too long for a socket. Set TMPDIR to a folder with a short name.")
        _allow_open_files()
        own = {"VLLM_NO_USAGE_STATS": "1", "VLLM_SERVER_DEV_MODE": "1" if self._sleeps else "0"}
        command = [*self._command, f"--uds={socket}"]
        self._process = Process.start(self._name(), command, self._folder, {**self._environment, **own})
        self._session = session_to(self._access())
        latest = time.monotonic() + self._provider.start_timeout
        while not (socket.exists() and await self._healthy()):
            if not self._process.alive():
                said = advised(reason(self._process.said()))
                raise EndpointError(f"{self._provider.label}: vLLM did not start: {said} (log: {self._process.log})")
            if time.monotonic() > latest:
                raise EndpointError(
                    f"{self._provider.label}: vLLM was not ready within {self._provider.start_timeout:g} s "
                    f"(`start_timeout`). Its log: {self._process.log}"
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def complete(self, request: Request, adapter: str | None, timeout_s: float) -> Reply:
        """See `Engine.complete`."""
        model = self._provider.model if adapter is None else served_name(adapter)
        if adapter is not None:
            request = replace(request, body=b"")  # The body has the base model's name.
        if self._session is None:
            raise CallFailed("connection", "the model has been stopped")
        try:
            async with self._patience.limit(timeout_s):
                return await self._endpoint(model).complete(request)
        except CallFailed as failed:
            if failed.kind not in ("connection", "server_error") or await self._well():
                raise
            self._ill = True
            raise CallFailed("connection", f"the model has died: {failed.message}") from failed

    def alive(self) -> bool:
        """See `Engine.alive`."""
        return self._session is not None and self._process is not None and self._process.alive() and not self._ill

    async def sleep(self) -> bool:
        """See `Engine.sleep`."""
        return self._sleeps and await self._post("/sleep?level=1")

    async def wake(self) -> None:
        """See `Engine.wake`."""
        if not await self._post("/wake_up"):
            assert self._process is not None
            said = advised(reason(self._process.said()))
            raise EndpointError(f"{self._provider.label}: vLLM did not wake up: {said} (log: {self._process.log})")

    async def stop(self) -> None:
        """See `Engine.stop`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._looking is not None:
            await asyncio.wait([self._looking])
        if self._process is not None:
            await self._process.stop()
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)

    async def served(self) -> Served:
        """See `Engine.served`; nothing where it does not say."""
        try:
            status, _, raw = await self._endpoint().send("GET", "/metrics", METRICS_S, root=True)
        except CallFailed:
            return Served()
        return served_of(raw.decode(errors="replace")) if status == 200 else Served()

    def _endpoint(self, model: str | None = None) -> ChatEndpoint:
        """The server's API, for one of the models it serves; without a limit of its own on a completion."""
        assert self._session is not None, "started"
        changed = {"model": model or self._provider.model, "timeout": math.inf}
        return ChatEndpoint(self._provider.model_copy(update=changed), self._access(), self._session)

    def _access(self) -> Access:
        return Access("http://localhost/v1", None, None, str(self._private and self._private / "api"))

    async def _well(self) -> bool:
        """Whether the server and its engine live; asked once for all calls that have just failed."""
        if self._session is None or self._ill:
            return False
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._healthy())
        return await asyncio.shield(self._looking)

    async def _healthy(self) -> bool:
        if self._session is None:  # Stopped since somebody asked.
            return False
        try:
            status, _, _ = await self._endpoint().send("GET", "/health", HEALTH_S, root=True)
        except CallFailed:
            return False
        return status == 200

    async def _post(self, path: str) -> bool:
        try:
            status, _, _ = await self._endpoint().send("POST", path, SWITCH_S, root=True)
        except CallFailed:
            return False
        return status == 200

    def _name(self) -> str:
        """Of the log: the model's, as far as a file's name can hold it, and the engine's."""
        model = re.sub(r"[^\w.-]+", "-", self._provider.model.rstrip("/").rpartition("/")[2])
        return f"{model}-{self._provider.engine_key()}"


def served_of(metrics: str) -> Served:
    """What a Prometheus text of vLLM's says, summed over its engines."""
    found = dict.fromkeys(("prompt_tokens", "prefix_cache_hits", "generation_tokens"), 0.0)
    for name, value in _COUNTER.findall(metrics):
        if name in found:
            found[name] += float(value)
    return Served(*(int(count) for count in found.values()))


def _allow_open_files() -> None:
    """Let this process have a connection for each call in flight: many systems start with 1,024 open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
