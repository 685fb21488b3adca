"""Running a recipe: open what it names, stream the stages, write the parts, export. A notebook calls `run`."""

from __future__ import annotations

import asyncio
import gc
import platform
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from itertools import takewhile
from pathlib import Path
from typing import Any

from ..generators.budget import Budget, Caps, budget_of, check_prices
from ..generators.calls import Caller
from ..generators.halt import Halt
from ..generators.ledger import Ledger
from ..generators.providers import Connection, Provider, Site, World
from ..schemas.errors import CapReached, Stopped
from ..schemas.rows import Loss
from .batches import batches_of
from .collect import Collector
from .export import export
from .loop import run_loop
from .progress import Progress, Snapshot
from .recipe import Recipe
from .rundir import RunDirectory
from .stages import Answering, Curating, Judging, Pairing, Seed

Watch = Callable[[Snapshot], None]
"""Called a few times a second with the state of the run."""
WATCH_EVERY_S = 0.25
SHOWN_VERSIONS = ("prefmill", "distilabel", "openai", "datasets", "pyarrow", "pydantic")


UNCAPPED = Caps()


def run(
    recipe: Recipe,
    directory: Path,
    *,
    watch: Watch | None = None,
    retry_failed: bool = False,
    caps: Caps = UNCAPPED,
) -> dict[str, Any]:
    """Run a recipe in a directory, or go on with what lies there; returns the manifest.

    `retry_failed` asks again for calls that were given up earlier; `caps` is where it stops. Raises `UserError` where
    the person can help, and `Stopped` where the run was stopped and can be resumed; what was paid for is in the ledger
    either way.
    """
    place = RunDirectory(directory)
    check_prices(caps, recipe.providers())
    next(recipe.tasks.tasks(), None)  # A source that cannot be read is told before anything is started.
    with ExitStack() as stack:
        stack.enter_context(place.claimed(recipe))
        ledger = stack.enter_context(Ledger.open(place.ledger))
        if retry_failed:
            ledger.forget_failures()
        budget = budget_of(caps, ledger, recipe.providers())
        manifest = _begin(recipe)
        place.write_manifest(manifest)
        stack.enter_context(_stopped_by_ctrl_c())
        place.clear()
        # Imported here: it takes seconds. Errors in a recipe should not wait for it, nor Ctrl-C on the loop.
        from . import engine  # noqa: F401

        halt = Halt()
        streamed = stream(recipe, place, ledger, halt, budget, watch=watch, retry_failed=retry_failed)
        collector, seen = run_loop(streamed, halt)
        manifest |= _ended(collector, ledger, seen)
        if batches := batches_of(place):
            manifest["batches"] = batches
        reason = budget.told(halt.reason) if isinstance(halt.reason, CapReached) else halt.reason
        if reason is None:
            collector.waterfall.check()
            place.write_manifest(manifest)
            exported = export(place, recipe.exports)
            manifest["stages"] |= exported.as_plain()
            manifest["finished"] = True
        else:
            manifest["stopped"] = str(reason)
        place.write_manifest(manifest)
        if reason is not None:
            raise reason
    return manifest


async def stream(
    recipe: Recipe,
    place: RunDirectory,
    ledger: Ledger,
    halt: Halt,
    budget: Budget,
    *,
    watch: Watch | None,
    retry_failed: bool = False,
) -> tuple[Collector, Snapshot]:
    """The stages as one distilabel pipeline, from the source to the parts on disk."""
    # Imported here: distilabel takes seconds to import.
    from .engine import AT_ONCE, Mill, chain, seeds, stage

    collector = Collector(place)
    site = Site(folder=place.batches, retry_failed=retry_failed, stopping=halt.requested)
    async with _callers(recipe, site, ledger, halt, budget) as (answering, teaching):
        answer = Answering(answering, recipe.filters)
        pair = Pairing(recipe.compare, recipe.seed)
        judge = Judging(
            recipe.judge.judge, recipe.judge.protocol, {caller.provider.label: caller for caller in teaching}
        )
        curate = Curating(recipe.filters)
        with Mill(name=f"prefmill-{recipe.name}") as mill:
            lines = _Lines(recipe)
            source = seeds(lines)
            steps = [
                stage("answers", answer, ["seed"], "answered", _open_rows(answering)),
                stage("comparisons", pair, ["seed", "answered"], "paired", AT_ONCE),
                stage("judgments", judge, ["seed", "answered", "paired"], "judged", _open_rows(teaching)),
                stage("curation", curate, ["paired", "judged"], "curated", AT_ONCE),
                stage("collect", collector, ["seed", "answered", "paired", "judged", "curated"], "collected"),
            ]
            chain(source, *steps)
        progress = Progress([*answering, *teaching], collector, budget)
        async with _watched(recipe, progress, watch):
            with _interruptible(halt), _quiet_collector(), _quick_turns():
                await mill.stream(halt)
        for caller in (*answering, *teaching):
            if caller.broken is not None:
                halt.request(caller.broken)
        await collector.finish(None if halt.requested.is_set() else lines.read)
    return collector, progress.snapshot()


def _open_rows(callers: Sequence[Caller]) -> int:
    """Rows a step keeps open: enough to fill every slot even while some rows wait for their slowest call."""
    return max(caller.provider.open_at_once for caller in callers) + 2 * sum(
        caller.provider.max_in_flight for caller in callers
    )


@dataclass
class _Lines:
    """The lines of the source as seeds; counts them apart from what comes through."""

    recipe: Recipe
    read: int = 0

    def __call__(self) -> Iterator[Seed]:
        for place, line in enumerate(self.recipe.tasks.tasks()):
            self.read += 1
            yield Seed(place, None, (line,)) if isinstance(line, Loss) else Seed(place, line)


@asynccontextmanager
async def _callers(
    recipe: Recipe, site: Site, ledger: Ledger, halt: Halt, budget: Budget
) -> AsyncIterator[tuple[list[Caller], list[Caller]]]:
    """Callers to the answering models and to the teachers, with the simulated world running where one is named."""
    async with AsyncExitStack() as stack:
        if recipe.simulated():
            site = replace(site, world=stack.enter_context(_world(recipe)))
        check = _Checked()

        async def caller(stage: str, provider: Provider) -> Caller:
            own = replace(site, folder=site.folder / stage if site.folder else None)
            connection = await stack.enter_async_context(provider.open(own))
            check.connections.append(connection)
            made = Caller(stage, provider, connection, ledger, check, halt, budget=budget)
            if provider.follows:
                stack.callback(asyncio.create_task(made.follow()).cancel)
            return made

        answering = [await caller("answers", provider) for provider in recipe.answers]
        teaching = [await caller("judgments", provider) for provider in recipe.judge.teachers]
        yield answering, teaching


@contextmanager
def _world(recipe: Recipe) -> Iterator[World]:
    from ..generators.world.server import running

    with running(recipe.world) as world:
        yield world


@dataclass
class _Checked:
    """Checks every endpoint once, when the first call is about to be sent: a finished run needs no server."""

    connections: list[Connection] = field(default_factory=list)
    _checking: asyncio.Future[list[None]] | None = None
    _passed: bool = False

    async def __call__(self) -> None:
        if self._passed:
            return
        if self._checking is None:
            self._checking = asyncio.gather(*(connection.check() for connection in self.connections))
        await asyncio.shield(self._checking)
        self._passed = True


@asynccontextmanager
async def _watched(recipe: Recipe, progress: Progress, watch: Watch | None) -> AsyncIterator[None]:
    """Tell `watch` how the run stands, a few times a second and once at the end."""
    if watch is None:
        yield
        return

    left = threading.Event()

    def counted() -> int | None:
        # The loop waits for its threads when it closes: a stop must not wait for the end of a long source.
        lines = sum(1 for _ in takewhile(lambda _: not left.is_set(), recipe.tasks.places()))
        return None if left.is_set() else lines

    async def count() -> None:
        progress.tasks_total = await asyncio.to_thread(counted)

    async def look() -> None:
        while True:
            watch(progress.snapshot())
            await asyncio.sleep(WATCH_EVERY_S)

    beside = [asyncio.create_task(count()), asyncio.create_task(look())]
    try:
        yield
    finally:
        left.set()
        for task in beside:
            task.cancel()
        watch(progress.snapshot())


@contextmanager
def _stopped_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C before the stages run and after them; in between it is `_interruptible`'s."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("stopped by SIGINT") from None


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep Python's cyclic garbage collector from going through all imported modules again and again.

    distilabel's imports are about a million objects: each full collection would hold up every call for half a second.
    """
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Give the event loop its turn soon while a thread reads the source or writes a part: 5 ms is Python's default."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


@contextmanager
def _interruptible(halt: Halt) -> Iterator[None]:
    """Ctrl-C and SIGTERM request a halt. Outside the main thread signals are the caller's matter."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    try:
        for number in signals:
            loop.add_signal_handler(number, halt.request, Stopped(f"stopped by {signal.Signals(number).name}"))
    except (RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _begin(recipe: Recipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "prefmill": metadata.version("prefmill"),
        "simulated": recipe.simulated(),
        "seed": recipe.seed,
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in SHOWN_VERSIONS},
        "started": _time(),
        "finished": False,
    }


def _ended(collector: Collector, ledger: Ledger, seen: Snapshot) -> dict[str, Any]:
    totals = ledger.totals()
    known = [row.cost_usd for row in totals if row.cost_usd is not None]
    return {
        "ended": _time(),
        "stages": collector.waterfall.as_plain(),
        "this_time": {
            "sent": sum(stage.done - stage.found for stage in seen.stages),
            "found": sum(stage.found for stage in seen.stages),
            "seconds": round(seen.seconds, 3),
        },
        "calls": [asdict(row) for row in totals],
        "cost_usd": sum(known) if known else None,
    }


def _time() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
