"""Opening the models of a recipe for the time of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from ..generators.budget import Budget
from ..generators.calls import Caller
from ..generators.halt import Halt
from ..generators.hosting.settings import Hosted
from ..generators.ledger import Ledger
from ..generators.providers import Connection, Provider, Site, World
from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class Callers:
    """Callers to every model of a recipe."""

    answering: tuple[Caller, ...]
    teaching: tuple[Caller, ...]
    authoring: tuple[Caller, ...] = ()
    """Of the source, where models write the tasks."""

    def __iter__(self) -> Iterator[Caller]:
        return iter((*self.authoring, *self.answering, *self.teaching))


@asynccontextmanager
async def opened(recipe: Recipe, site: Site, ledger: Ledger, halt: Halt, budget: Budget) -> AsyncIterator[Callers]:
    """Callers to the models of a recipe, with the simulated world running where one is named."""
    async with AsyncExitStack() as stack:
        if recipe.simulated():
            site = replace(site, world=stack.enter_context(_world(recipe)))
        check = _Checked()

        async def caller(stage: str, provider: Provider) -> Caller:
            own = replace(site, folder=site.folder / stage if site.folder else None)
            connection = await stack.enter_async_context(provider.open(own))
            check.connections.append(connection)
            made = Caller(stage, provider, connection, ledger, check, halt, budget=budget)
            made.away = isinstance(provider, Hosted) and site.engines is not None and not site.engines.admits(provider)
            if provider.follows:
                stack.callback(asyncio.create_task(made.follow()).cancel)
            return made

        authoring = [await caller("tasks", provider) for provider in recipe.tasks.authors()]
        answering = [await caller("answers", provider) for provider in recipe.answers]
        teaching = [await caller("judgments", provider) for provider in recipe.judge.teachers]
        yield Callers(tuple(answering), tuple(teaching), tuple(authoring))


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


def open_rows(callers: Sequence[Caller]) -> int:
    """Rows a step keeps open: enough to fill every slot even while some rows wait for their slowest call."""
    return max((caller.provider.open_at_once for caller in callers), default=1) + 2 * sum(
        caller.provider.max_in_flight for caller in callers
    )
