"""What the tests of authoring share: the shipped seeds, and an author whose models live in the simulated world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from prefmill.generators.calls import Caller
from prefmill.generators.halt import Halt
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Provider, Site, World
from prefmill.generators.sources.authored import Authored
from prefmill.schemas.rows import Loss, Task

SEEDS = Path(__file__).parents[3] / "pipelines" / "recipes" / "seed_rubrics.jsonl"
AUTHOR, REFERENCE = "sim-birch-14b", "sim-oak-70b"


def authored(wanted: int = 4, each: int = 3, **fields: object) -> Authored:
    """A source whose texts are written by the simulated world; keywords are recipe keys."""
    return Authored.model_validate(
        {
            "rubrics": {"seeds": SEEDS, "wanted": wanted},
            "instructions_per_rubric": each,
            "author": {"provider": "simulated", "model": AUTHOR, "sampling": {"temperature": 1.0}},
            "reference": {"provider": "simulated", "model": REFERENCE},
            **fields,
        }
    )


@dataclass
class Desk:
    """Callers in a world, and the ledger they write to."""

    callers: dict[str, Caller]
    ledger: Ledger
    halt: Halt

    @property
    def sent(self) -> int:
        return sum(caller.tally.sent for caller in self.callers.values())

    @property
    def found(self) -> int:
        return sum(caller.tally.found for caller in self.callers.values())

    async def written(self, source: Authored, seed: int = 7) -> list[Task | Loss]:
        """Everything the source gives."""
        return [piece async for piece in source.authored(self.callers, seed)]


At = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> At:
    """Callers to providers of a world, with a ledger in the test's folder (or another one)."""

    @asynccontextmanager
    async def desk(world: World, providers: tuple[Provider, ...], ledger: str = "ledger.sqlite") -> AsyncIterator[Desk]:
        async def nothing() -> None:
            pass

        halt = Halt()
        async with AsyncExitStack() as stack:
            book = stack.enter_context(Ledger.open(tmp_path / ledger))
            callers = {}
            for provider in providers:
                connection = await stack.enter_async_context(provider.open(Site(world=world)))
                callers[provider.label] = Caller("tasks", provider, connection, book, nothing, halt)
            yield Desk(callers, book, halt)

    return desk
