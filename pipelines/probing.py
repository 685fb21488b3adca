"""Probe pairs in stage `judgments`: asked about before the line's comparisons, and never among them.

The same judge asks the same teachers through the same callers, as the protocol asks: with the reference that decides,
and weighing scores where it does. A `swapped` probe therefore asks what a protocol of both orders asks, and the ledger
has it only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from ..generators.calls import Caller
from ..generators.judges import Judge
from ..generators.probes import Probes
from ..generators.probes.drawing import ORDERS, draw, kinds_for
from ..generators.protocols import Ask, Protocol
from ..schemas.errors import EndpointError, Stopped
from ..schemas.probe import Probe
from ..schemas.rows import Comparison, Loss, Task
from .judging import Judging
from .lookout import Lookout
from .own_references import foreseen
from .stages import Answered, Judged, Paired, Seed, loss_of, together
from .teachers import judgment_of
from .waterfall import PROBES


@dataclass(frozen=True)
class Prober:
    """Has every teacher judge the probe pair of a line."""

    probes: Probes
    seed: int
    """Of the recipe."""
    judge: Judge
    protocol: Protocol
    callers: Mapping[str, Caller]
    """Teacher's name -> its caller."""

    def wants(self, seed: Seed) -> bool:
        """Whether a line gets a probe, if it has a comparison."""
        return seed.task is not None and bool(kinds_for(self.probes, self.seed, seed.task, seed.place))

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired) -> Probe | None:
        """The line's probe, where it has one. Raises `EndpointError` and `Stopped`."""
        task = seed.task
        if task is None:
            return None
        kinds = kinds_for(self.probes, self.seed, task, seed.place)
        usable = [answer for answer in answered.answers if answer.id in answered.usable]
        pair = draw(kinds, self.seed, task, usable, paired.comparisons)
        if pair is None:
            return None
        asked = self._asked(task, pair.comparison)
        questions = [replace(asked, teacher=name, shown=order) for name in self.callers for order in ORDERS[pair.kind]]
        counted: set[str] = set()
        judgments = await together(
            *(
                judgment_of(self.judge, self.callers, task, pair.comparison, pair.answers, one, counted=counted)
                for one in questions
            )
        )
        return Probe(
            task_id=task.id,
            kind=pair.kind,
            comparison=pair.comparison,
            answers=pair.answers,
            altered=pair.altered,
            judgments=tuple(judgments),
        )

    def _asked(self, task: Task, comparison: Comparison) -> Ask:
        """A question as the protocol would put it first about such a pair."""
        references = self.judge.asks_with_reference(foreseen(self.protocol, task))
        with closing(self.protocol.run(comparison, tuple(self.callers), references)) as conversation:
            return next(conversation)[0]


@dataclass(frozen=True)
class Probing:
    """Judging with probes: what `judging` makes of a line, and the line's probe beside it."""

    judging: Judging
    prober: Prober
    lookout: Lookout

    async def __call__(self, seed: Seed, answered: Answered, paired: Paired) -> Judged:
        """The task's judgments and verdicts, and its probe."""
        try:
            probe = await self.prober(seed, answered, paired)
        except (EndpointError, Stopped) as why:
            # The line does not get to the pilot: those that wait there would wait for ever.
            if self.judging.pilot is not None:
                self.judging.pilot.give_up(why)
            raise
        self.lookout.tell(seed.place, probe)
        judged = await self.judging(seed, answered, paired)
        if probe is None:
            return judged
        return replace(judged, probes=(probe,), losses=(*judged.losses, *_losses(probe)))


def _losses(probe: Probe) -> list[Loss]:
    return [
        loss_of(PROBES, "failed", one, (one.teacher, one.failure.kind, one.failure.message))
        for one in probe.judgments
        if one.failure is not None
    ]
