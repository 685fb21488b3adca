"""The lines of the source as a run takes them in: numbered, whether they are read or written by models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from ..generators.calls import Caller
from ..schemas.rows import Example, Loss, Task
from .recipe import Recipe
from .stages import Seed


@dataclass
class Lines:
    """The lines of the source as seeds; counts them apart from what comes through."""

    recipe: Recipe
    authors: Mapping[str, Caller]
    read: int = 0

    def __call__(self) -> Iterator[Seed] | AsyncGenerator[Seed, None]:
        return self._written() if self.authors else map(self._seed, self.recipe.tasks.seeds())

    async def _written(self) -> AsyncGenerator[Seed, None]:
        async with aclosing(self.recipe.tasks.authored(self.authors, self.recipe.seed)) as lines:
            async for line in lines:
                yield self._seed(line)

    def _seed(self, line: Task | Example | Loss) -> Seed:
        place, self.read = self.read, self.read + 1
        if isinstance(line, Loss):
            return Seed(place, None, (line,))
        return Seed(place, line.task, given=line) if isinstance(line, Example) else Seed(place, line)
