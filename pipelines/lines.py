"""The lines of the source as a run takes them in: numbered, whether they are read or written by models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from ..generators.calls import Caller
from ..schemas.errors import Stopped
from ..schemas.rows import Example, Loss
from .admission import Admission, Line
from .recipe import Recipe
from .stages import Seed


@dataclass
class Lines:
    """The lines of the source as seeds; counts them apart from what comes through."""

    recipe: Recipe
    authors: Mapping[str, Caller]
    admission: Admission
    stopping: Callable[[], bool] = lambda: False
    read: int = 0

    def __call__(self) -> Iterator[Seed] | AsyncGenerator[Seed, None]:
        return self._written() if self.authors else self.kept()

    def kept(self) -> Iterator[Seed]:
        """Those of a source that is read. Raises `Stopped` where the run stops meanwhile."""
        # A generator of its own, so that filters of sets do their work where the source is read: not on the loop.
        for line in self.admission.of(self._seeds):
            yield self._seed(line)

    def _seeds(self) -> Iterator[Line]:
        for line in self.recipe.tasks.seeds():
            if self.stopping():  # A filter of a set reads all of them before the first is handed on.
                raise Stopped("the run is stopping")
            yield line

    async def _written(self) -> AsyncGenerator[Seed, None]:
        async with aclosing(self.recipe.tasks.authored(self.authors, self.recipe.seed)) as lines:
            if self.admission.waits:
                written = [line async for line in lines]
                for line in self.admission.of(lambda: written):
                    yield self._seed(line)
            else:
                async for line in lines:
                    yield self._seed(self.admission.checked(line))

    def _seed(self, line: Line) -> Seed:
        place, self.read = self.read, self.read + 1
        if isinstance(line, Loss):
            return Seed(place, None, (line,))
        return Seed(place, line.task, given=line) if isinstance(line, Example) else Seed(place, line)
