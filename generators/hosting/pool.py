"""The engines of a run: each loaded when it is first asked, one at a time, and only while it may be.

vLLM measures the memory of the whole GPU while it starts (`memory_profiling` of vllm/utils/mem_utils.py), so two must
not start at once, and one that shares a GPU with it must not work meanwhile: it ends what it has begun, and further
requests to it wait. Of a model that has died the next request loads another copy, at most `restarts` times; what was
in flight is sent again by `generators/calls.py`, like any call whose connection broke.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ...schemas.errors import CallFailed, EndpointError
from ..providers import Connection, Load, Reply, Request
from .devices import placed
from .engine import Engine, Served
from .machine import Machine
from .pace import Pace
from .process import reap
from .settings import Hosted

LOOK_EVERY_S = 0.05
MEMORY = "memory"
"""Is in what vLLM says, or in what is to be changed then, where it does not suffice (`advice.py`)."""


@dataclass
class Hosting:
    """One model of the pool, and what became of it."""

    provider: Hosted
    adapters: dict[str, None] = field(default_factory=dict)
    """Those of all entries that share the engine, in recipe order."""
    engine: Engine | None = None
    """None: not loaded."""
    devices: tuple[int, ...] = ()
    """The GPUs it was loaded on; none: the CPU."""
    asleep: bool = False
    loads: int = 0
    """How often it was loaded."""
    wakes: int = 0
    crashes: int = 0
    failed: EndpointError | None = None
    """Why it is not loaded any more."""
    load_s: float = 0.0
    """Seconds spent on loading and waking it."""
    pace: Pace = field(default_factory=Pace)
    """How long it has worked on requests."""
    before: Served = field(default_factory=Served)
    """What engines of it have done that are stopped by now."""

    @property
    def awake(self) -> bool:
        """Whether it can be asked."""
        return self.engine is not None and self.engine.alive() and not self.asleep

    def shares(self, devices: Collection[int]) -> bool:
        """Whether it is on one of these GPUs, asleep or not."""
        return self.engine is not None and not set(self.devices).isdisjoint(devices)


class Pool:
    """The engines of a run. `close` it at the end."""

    def __init__(self, folder: Path, devices: Collection[int]) -> None:
        """`folder`: for logs and the files by which a later run finds what was left running; `devices`: the GPUs that
        may be used, by number; none: the CPU.

        Ends what an earlier process left running in the folder; raises `EndpointError` where that does not end.
        """
        self.reaped = tuple(reap(folder))
        """What was ended, a line each."""
        self._folder, self._devices = folder, tuple(devices)
        self._models: dict[str, Hosting] = {}
        self._places: dict[str, tuple[int, ...]] = {}
        self._loading = asyncio.Lock()
        self.machine = Machine()
        """What all entries of the run have found out about this machine."""
        self._held_back: tuple[int, ...] = ()
        """GPUs on which an engine is being loaded or woken: the others there get no requests."""

    @asynccontextmanager
    async def connected(self, provider: Hosted) -> AsyncIterator[Connection]:
        """A connection to the engine that an entry shares; nothing is loaded yet."""
        self.know([provider])
        hosting = self._models[provider.engine_key()]
        if provider.adapter is not None:
            hosting.adapters[provider.adapter] = None
        yield _Hosted(self, provider, hosting)

    def hostings(self) -> dict[str, Hosting]:
        """Engine key -> the model and what became of it."""
        return self._models

    def know(self, providers: Sequence[Hosted]) -> None:
        """Have a place for each entry's engine."""
        for provider in providers:
            self._models.setdefault(provider.engine_key(), Hosting(provider))

    def fits(self, providers: Sequence[Hosted]) -> bool:
        """Whether the engines of these entries can be loaded at the same time."""
        return placed(list(_engines(providers).values()), self._devices) is not None

    def together(self, order: Sequence[Hosted]) -> list[Hosted]:
        """The first, and those of the others, in this order, that fit beside what is there by then."""
        found: list[Hosted] = []
        for provider in order:
            if provider not in found and (not found or self.fits([*found, provider])):
                found.append(provider)
        return found

    def admits(self, provider: Hosted) -> bool:
        """Whether an entry's engine may be loaded now."""
        return provider.engine_key() in self._places

    async def admit(self, providers: Sequence[Hosted], again: Collection[str] = ()) -> None:
        """Let the engines of these entries be loaded from now on, and no others; others make room.

        Those of `again` sleep where they can, others are stopped. Nothing may be in flight. Raises `EndpointError`
        where they do not fit on this machine.
        """
        async with self._loading:
            engines = _engines(providers)
            keys, wanted = list(engines), list(engines.values())
            for key, hosting in self._models.items():
                if key not in keys:
                    await self._make_room(hosting, key in again)
            held = {n: self._models[k].devices for n, k in enumerate(keys) if self._models[k].engine is not None}
            places = placed(wanted, self._devices, held)
            if places is None:
                for number in held:
                    await self._stop(self._models[keys[number]])
                places = placed(wanted, self._devices)
            if places is None:
                raise EndpointError(self._too_big(wanted))
            self._places = dict(zip(keys, places, strict=True))

    def _too_big(self, providers: Sequence[Hosted]) -> str:
        wanted = "; ".join(
            f"{p.label}: gpus: {p.gpus}, replicas: {p.replicas}, gpu_memory_utilization: {p.gpu_memory_utilization}"
            for p in providers
        )
        return f"{wanted}: too much for the {len(self._devices)} GPUs here (CUDA_VISIBLE_DEVICES or nvidia-smi)."

    async def loaded(self, key: str) -> Engine:
        """The engine, ready to be asked; ask it at once, before another may be loaded beside it. Raises
        `EndpointError`."""
        hosting = self._models[key]
        if hosting.awake and not hosting.shares(self._held_back):
            assert hosting.engine is not None
            return hosting.engine
        async with self._loading:
            if hosting.failed is not None:  # Calls that waited for it would load it again, one after the other.
                raise hosting.failed
            try:
                if hosting.engine is not None and not hosting.engine.alive():
                    await self._bury(hosting)
                if hosting.engine is None or hosting.asleep:
                    await self._load(key, hosting)
            except EndpointError as error:
                hosting.failed = error
                raise
            assert hosting.engine is not None
            return hosting.engine

    async def _bury(self, hosting: Hosting) -> None:
        """End what is left of a model that has died. Raises `EndpointError` where that was once too often."""
        await self._stop(hosting)
        hosting.crashes += 1
        if hosting.crashes > hosting.provider.restarts:
            raise EndpointError(
                f"{hosting.provider.label}: the model has crashed {hosting.crashes} times (`restarts: "
                f"{hosting.provider.restarts}`). See the logs in {self._folder}."
            )

    async def close(self) -> None:
        """Stop every engine."""
        for hosting in self._models.values():
            await self._stop(hosting)

    async def _load(self, key: str, hosting: Hosting) -> None:
        """Load or wake it, while the others on its GPUs are held back. Raises `EndpointError`."""
        devices = hosting.devices if hosting.asleep else self._places[key]
        others = [one for one in self._models.values() if one is not hosting and one.shares(devices)]
        self._held_back = devices
        try:
            while any(one.pace.open for one in others):
                await asyncio.sleep(LOOK_EVERY_S)
            started = time.monotonic()
            try:
                await self._ready(hosting, devices)
            except EndpointError as error:
                sleepers = [one for one in others if one.asleep]
                if not sleepers or MEMORY not in str(error).lower():
                    raise
                for one in (*sleepers, hosting):  # One that sleeps keeps some memory.
                    await self._stop(one)
                await self._ready(hosting, devices)
            hosting.load_s += time.monotonic() - started
        finally:
            self._held_back = ()

    async def _ready(self, hosting: Hosting, devices: tuple[int, ...]) -> None:
        if hosting.asleep and hosting.engine is not None:
            await hosting.engine.wake()
            hosting.asleep, hosting.wakes = False, hosting.wakes + 1
            return
        engine = hosting.provider.make(tuple(hosting.adapters), self._folder, devices)
        try:
            await engine.start()
        except BaseException:  # Of a start that is cancelled nothing may be left either.
            await engine.stop()
            raise
        hosting.engine, hosting.devices, hosting.loads = engine, devices, hosting.loads + 1

    async def _make_room(self, hosting: Hosting, again: bool) -> None:
        if hosting.engine is None or (hosting.asleep and again):
            return
        if again and hosting.provider.sleep and hosting.engine.alive() and await hosting.engine.sleep():
            hosting.asleep = True
        else:
            await self._stop(hosting)

    async def _stop(self, hosting: Hosting) -> None:
        engine, hosting.engine, hosting.asleep = hosting.engine, None, False
        if engine is not None:
            try:
                if engine.alive():
                    hosting.before = _sum(hosting.before, await engine.served())
            finally:  # Nobody else knows of it any more, should this be cancelled.
                await engine.stop()

    async def served(self, key: str) -> Served:
        """What all engines of a model have done."""
        hosting = self._models[key]
        engine = hosting.engine
        if engine is None or not engine.alive():
            return hosting.before
        return _sum(hosting.before, await engine.served())


class _Hosted:
    """A connection to an engine of the pool."""

    def __init__(self, pool: Pool, provider: Hosted, hosting: Hosting) -> None:
        self._pool, self._provider, self._hosting = pool, provider, hosting
        self._key = provider.engine_key()

    async def complete(self, request: Request) -> Reply:
        """One attempt; see `Connection.complete`. The first one waits until the model is loaded."""
        try:
            engine = await self._pool.loaded(self._key)
        except EndpointError as error:
            raise CallFailed("rejected", str(error), fatal=True) from error
        with self._hosting.pace.call():
            return await engine.complete(request, self._provider.adapter, self._provider.timeout)

    async def check(self) -> None:
        """Whatever can be known without loading the model. Raises `EndpointError`."""
        await asyncio.to_thread(self._provider.check, self._pool.machine)

    async def load(self) -> Load | None:
        """The engine queues and batches by itself: it is given all there is."""
        return None


def _engines(providers: Sequence[Hosted]) -> dict[str, Hosted]:
    """Engine key -> one of the entries that share it."""
    found: dict[str, Hosted] = {}
    for provider in providers:
        found.setdefault(provider.engine_key(), provider)
    return found


def _sum(a: Served, b: Served) -> Served:
    return Served(
        a.prompt_tokens + b.prompt_tokens,
        a.cached_tokens + b.cached_tokens,
        a.completion_tokens + b.completion_tokens,
    )
