"""vLLM's offline engine in a process of its own (`offline_process/`): the fastest way to a model on this machine.

A process for each model, because all its memory is given back when it ends, because a crash in it is a broken
connection here and no more, and because its work on tokens does not hold up this process, nor torch its seeds. There
is no server between: a request is one line over a socket, and a reply leaves with the step that finished it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ...schemas.errors import CallFailed, EndpointError
from ...schemas.row import digest
from ..asking import request_body
from ..probabilities import packed
from ..providers import Reply, Request
from .advice import advised
from .engine import Engine, Served
from .patience import Patience
from .process import Process
from .reason import reason
from .settings import Hosted
from .wire import Wire

PROGRAM = Path(__file__).with_name("offline_process") / "__main__.py"
LEAVING_S = 10.0
"""Seconds that vLLM has to take its processes and shared memory down before it is ended."""
LOOK_EVERY_S = 0.02
SLEEPING_S = 600.0
"""Seconds to wait for a model to fall asleep or wake: weights are copied at some GB a second."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the process is to load, and how it is run."""

    provider: Hosted
    """One of the entries that share the model."""
    name: str
    """Of its log; unlike that of any other engine in the folder."""
    python: Path
    """Interpreter that has vLLM."""
    environment: Mapping[str, str]
    arguments: Mapping[str, Any]
    """vLLM's engine arguments."""
    adapters: tuple[str, ...]
    """Folders of LoRA adapters."""
    sleeps: bool
    """Whether it was loaded so that it can sleep."""


class Offline(Engine):
    """A model in a process of its own."""

    def __init__(self, setup: Setup, folder: Path) -> None:
        """`folder`: for the log."""
        self._setup, self._folder, self._label = setup, folder, setup.provider.label
        self._adapters = {adapter: number for number, adapter in enumerate(setup.adapters, 1)}
        self._process: Process | None = None
        self._wire: Wire | None = None
        self._patience = Patience()
        self._last, self._ready, self._asleep, self._served = 0, False, False, Served()

    async def start(self) -> None:
        """Load the model; see `Engine.start`."""
        try:
            async with asyncio.timeout(self._setup.provider.start_timeout):
                await self._start()
        except TimeoutError as error:
            await self.stop()
            limit = f"{self._setup.provider.start_timeout:g} s (`start_timeout`)"
            raise self._unusable(f"not loaded within {limit}") from error
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [str(self._setup.python), "-P", str(PROGRAM), str(theirs.fileno())]
            self._process = Process.start(
                self._setup.name, command, self._folder, self._setup.environment, (theirs.fileno(),)
            )
        loop = asyncio.get_running_loop()
        _, self._wire = await loop.create_unix_connection(Wire, sock=ours)
        provider = self._setup.provider
        wanted = {
            "model": provider.model,
            "arguments": dict(self._setup.arguments),
            "adapters": self._setup.adapters,
            "template": provider.chat_template and str(provider.chat_template),
        }
        try:
            said = await self._wire.ask("start", orjson.dumps(wanted))
        except ConnectionError as error:
            await self._ended()
            raise self._unusable(advised(reason(self._process.said()))) from error
        if "failed" in said:
            raise self._unusable(said["failed"])
        self._ready = True

    async def complete(self, request: Request, adapter: str | None, timeout_s: float) -> Reply:
        """One request; see `Engine.complete`. One that is given up is taken out of the batch."""
        if self._wire is None or self._asleep:
            raise CallFailed("connection", f"{self._label} is not loaded")
        self._last = number = self._last + 1
        body = request.body or request_body(self._setup.provider, request)
        head = b'{"ask":%d,"seed":%d,"adapter":%d,"body":' % (
            number,
            _seed(body, request.sample),
            self._number(adapter),
        )
        try:
            async with self._patience.limit(timeout_s):
                said = await self._wire.ask(number, head + body + b"}")
        except ConnectionError as error:
            raise CallFailed("connection", self._crashed()) from error
        return self._reply(said)

    def _number(self, adapter: str | None) -> int:
        """0: the model without adapter."""
        return 0 if adapter is None else self._adapters[adapter]

    def _reply(self, said: dict[str, Any]) -> Reply:
        if "rejected" in said:
            raise CallFailed("rejected", str(said["rejected"]))
        prompt, cached, completion = said["prompt_tokens"], said["cached_tokens"], said["completion_tokens"]
        before = self._served
        self._served = Served(
            before.prompt_tokens + prompt, before.cached_tokens + cached, before.completion_tokens + completion
        )
        if said["finish"] in ("abort", "error"):
            raise CallFailed("server_error", f"vLLM ended the request ({said['finish']})")
        probabilities = packed(said["logprobs"]) if "logprobs" in said else None
        return Reply(said["text"], said["finish"], prompt, completion, probabilities=probabilities)

    def alive(self) -> bool:
        """Whether its process runs and listens."""
        return self._wire is not None and self._wire.open and self._process is not None and self._process.alive()

    async def sleep(self) -> bool:
        """Level 1 of vLLM's sleep mode, on GPUs; see `Engine.sleep`."""
        if not self._setup.sleeps or not self.alive():
            return False
        self._asleep = await self._told("sleep")
        return self._asleep

    async def wake(self) -> None:
        """Bring the weights back; see `Engine.wake`."""
        if not await self._told("wake"):
            raise self._unusable(f"does not wake up: {self._crashed()}")
        self._asleep = False

    async def _told(self, what: str) -> bool:
        """Whether the process has done it."""
        if self._wire is None:
            return False
        try:
            async with asyncio.timeout(SLEEPING_S):
                await self._wire.ask(what, b'{"%s":true}' % what.encode())
        except (TimeoutError, ConnectionError):
            return False
        return True

    async def stop(self) -> None:
        """See `Engine.stop`."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        if self._process is not None:
            if self._ready:  # While it loads it does not listen.
                await self._ended()
            await self._process.stop()

    async def _ended(self) -> None:
        """Wait for the process to end by itself, a moment."""
        clock = asyncio.get_running_loop().time
        latest = clock() + LEAVING_S
        while self._process is not None and self._process.alive() and clock() < latest:
            await asyncio.sleep(LOOK_EVERY_S)

    async def served(self) -> Served:
        """Counted from its replies."""
        return self._served

    def _crashed(self) -> str:
        """Why nothing more comes. Its exit status may not be known yet."""
        assert self._process is not None
        status = self._process.status()
        how = "" if status is None else f" by signal {status - 128}" if status > 128 else f" with status {status}"
        return f"the process of {self._label} has ended{how}: {reason(self._process.said())} (log: {self._process.log})"

    def _unusable(self, why: str) -> EndpointError:
        log = f" (log: {self._process.log})" if self._process is not None else ""
        return EndpointError(f"{self._label}: {why}{log}")


def _seed(body: bytes, sample: int) -> int:
    """Seed for a request that names none: 63 bits of what is asked and which sample it is, the same in any run.

    Whether equal seeds give equal texts is up to vLLM: on a GPU a token may turn out otherwise in another batch
    (https://docs.vllm.ai/en/latest/features/batch_invariance/); on a CPU they do, save with 0.26, which draws without
    any seed while a greedy request is in the batch (`forward_cpu` of vllm/v1/sample/ops/topk_topp_sampler.py).
    """
    return int(digest("seed", body.decode(), sample, size=8), 16) >> 1
