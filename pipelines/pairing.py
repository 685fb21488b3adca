"""Stage `comparisons`: which usable answers of the task meet, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from ..generators.comparisons import Compare, draw, given
from .stages import Answered, Paired, Seed


@dataclass(frozen=True)
class Pairing:
    """Draws comparisons, or takes the one that came with the task."""

    compare: Compare
    seed: int

    async def __call__(self, seed: Seed, answered: Answered) -> Paired:
        """The task's comparisons."""
        if seed.task is None:
            return Paired()
        if seed.given is not None and seed.given.comparison is not None:
            comparisons, losses = given(seed.given.comparison, seed.task, answered.answers, answered.usable)
            return Paired(1, tuple(comparisons), tuple(losses))
        comparisons, losses = draw(self.compare, seed.task, answered.answers, self.seed, answered.usable)
        count = self.compare.wanted([answer.model for answer in answered.answers])
        return Paired(count, tuple(comparisons), tuple(losses))
