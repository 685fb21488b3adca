"""Before a run that its probes stopped goes on: what they said, read again from the ledger, without sending anything.

A person may have changed a limit or the reader of replies since. Where neither helps, the run stops as before, and what
lies in its directory stays as it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from ..generators.calls import Caller
from ..generators.halt import Halt
from ..generators.ledger import Ledger
from ..generators.probes import Probes
from ..generators.protocols import Protocol
from ..generators.providers import Connection, Load, Provider, Reply, Request, Site
from ..schemas.errors import PrefmillError, RunDirectoryError, Stopped
from .admission import Admission
from .answering import Answering
from .callers import Callers
from .lines import Lines
from .lookout import Lookout
from .loop import run_loop
from .pairing import Pairing
from .probing import Prober
from .process import stopped_by_ctrl_c
from .recipe import Recipe
from .rundir import RunDirectory
from .stages import Seed

OUT_OF_BAND = "out_of_band"
"""The manifest's key for a run that its probes stopped."""


def check_again(recipe: Recipe, place: RunDirectory, ledger: Ledger) -> None:
    """Raise `OutOfBand` where its probes stopped the run that lies here and would again, at what was asked already."""
    with stopped_by_ctrl_c():
        probes, protocol = recipe.probes, recipe.judge.protocol
        if probes is None or protocol is None or not _was_out_of_band(place):
            return
        reason = run_loop(_heard_again(recipe, (probes, protocol), place, ledger), Halt())
    if reason is not None:
        raise reason


def _was_out_of_band(place: RunDirectory) -> bool:
    try:
        return bool(place.manifest().get(OUT_OF_BAND))
    except RunDirectoryError:
        return False


async def _heard_again(
    recipe: Recipe, asked: tuple[Probes, Protocol], place: RunDirectory, ledger: Ledger
) -> PrefmillError | None:
    """Why the run would stop at a probe that it has asked about already; None where it would go on from there."""
    async with _closed(recipe, ledger) as callers:
        answer, pair = Answering(callers.answering, recipe.filters, recipe.aim), Pairing(recipe.compare, recipe.seed)
        teachers, authors = (
            {caller.provider.label: caller for caller in some} for some in (callers.teaching, callers.authoring)
        )
        prober = Prober(asked[0], recipe.seed, recipe.judge.judge, asked[1], teachers)
        lookout = Lookout(asked[0], Halt(), place.path, 0)
        try:
            async with aclosing(_flow(Lines(recipe, authors, Admission(recipe.filters)))) as seeds:
                async for seed in seeds:
                    probe = None
                    if prober.wants(seed):
                        answered = await answer(seed)
                        probe = await prober(seed, answered, await pair(seed, answered))
                    lookout.tell(seed.place, probe)
                    if lookout.halt.requested.is_set():
                        break
        except Stopped:
            pass  # A call that was not made yet: up to there nothing was out of its band.
    return lookout.halt.reason


async def _flow(lines: Lines) -> AsyncGenerator[Seed, None]:
    found = lines()
    if isinstance(found, Iterator):
        for seed in found:
            yield seed
        return
    async with aclosing(found):
        async for seed in found:
            yield seed


@asynccontextmanager
async def _closed(recipe: Recipe, ledger: Ledger) -> AsyncIterator[Callers]:
    """Callers that know what is in the ledger, or recorded, and raise `Stopped` for everything else."""

    async def refuse() -> None:
        raise Stopped("nothing is sent before the probes were read again")

    async with AsyncExitStack() as stack:

        async def caller(stage: str, provider: Provider) -> Caller:
            connection: Connection = _Nowhere()
            if provider.local:
                connection = await stack.enter_async_context(provider.open(Site()))
            return Caller(stage, provider, connection, ledger, refuse, Halt())

        yield Callers(
            tuple([await caller("answers", provider) for provider in recipe.answers]),
            tuple([await caller("judgments", provider) for provider in recipe.judge.teachers]),
            tuple([await caller("tasks", provider) for provider in recipe.tasks.authors()]),
        )


class _Nowhere:
    """A connection that is never used: its caller stops before it."""

    async def complete(self, request: Request) -> Reply:
        raise Stopped("nothing is sent")

    async def check(self) -> None:
        pass

    async def load(self) -> Load | None:
        return None
