"""One pass over a recipe's tasks: all stages as one distilabel pipeline, from the source to the parts on disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

from ..generators.budget import Budget
from ..generators.halt import Halt
from ..generators.hosting.pool import Pool
from ..generators.hosting.settings import Hosted
from ..generators.ledger import Ledger
from ..generators.protocols import Piloted
from ..generators.providers import Site
from .admission import Admission
from .answering import Answering
from .callers import Callers, open_rows, opened
from .collect import Collector
from .curating import Curating
from .grading import Grading
from .judging import Judging
from .lines import Lines
from .lookout import Lookout
from .pairing import Pairing
from .pilot import AHEAD, Admitted, Pilot, conducted
from .probing import Prober, Probing
from .process import quick_turns, quiet_collector
from .progress import Progress, Snapshot
from .recipe import Recipe
from .rundir import RunDirectory
from .watching import Watch, watched


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass came to."""

    collector: Collector
    seen: Snapshot
    """The run at its end."""
    admission: Admission
    put_off: Counter[str]
    """Engine key -> calls that its model was wanted for and not loaded; empty: the pass was a whole one."""


async def stream(
    recipe: Recipe,
    place: RunDirectory,
    ledger: Ledger,
    halt: Halt,
    budget: Budget,
    *,
    watch: Watch | None,
    retry_failed: bool = False,
    engines: Pool | None = None,
    admission: Admission | None = None,
) -> Passed:
    """The stages as one distilabel pipeline, from the source to the parts on disk.

    `engines`: what loads the models that prefmill runs itself. Calls to those that it does not admit are put off, and
    their lines with them; then what was written is not the run yet. `admission`: which tasks are gone into, where an
    earlier pass has found that out.
    """
    # Imported here: distilabel takes seconds to import.
    from .engine import AT_ONCE, Mill, chain, seeds, stage

    admission = admission or Admission(recipe.filters)
    # In a thread: all of the source may have to be read, and filters of sets may have to choose.
    recipe = await asyncio.to_thread(_sized, recipe, admission, halt.requested.is_set)
    site = Site(folder=place.batches, retry_failed=retry_failed, stopping=halt.requested, engines=engines)
    async with opened(recipe, site, ledger, halt, budget) as callers:

        def spoiled() -> bool:
            return any(caller.tally.put_off for caller in callers)

        authored, probed = bool(recipe.tasks.authors()), recipe.probes is not None
        collector = Collector(place, authored=authored, probed=probed, spoiled=spoiled)
        answer: Answering | Admitted = Answering(callers.answering, recipe.filters, recipe.aim)
        pair = Pairing(recipe.compare, recipe.seed)
        pilot = _pilot(recipe, callers, halt, spoiled)
        if pilot is not None:
            answer = Admitted(pilot, answer)
        judge: Judging | Grading | Probing = _judging(recipe, callers, pilot)
        if recipe.probes is not None and isinstance(judge, Judging):
            lookout = Lookout(recipe.probes, halt, place.path, budget.grace_s)
            prober = Prober(recipe.probes, recipe.seed, judge.judge, judge.protocol, judge.callers)
            judge = Probing(judge, prober, lookout)
        curate = Curating(recipe.filters)
        with Mill(name=f"prefmill-{recipe.name}") as mill:
            authors = {caller.provider.label: caller for caller in callers.authoring}
            lines = Lines(recipe, authors, admission, halt.requested.is_set)
            source = seeds(lines)
            steps = [
                stage("answers", answer, ["seed"], "answered", open_rows(callers.answering)),
                stage("comparisons", pair, ["seed", "answered"], "paired", AT_ONCE),
                stage(
                    "judgments",
                    judge,
                    ["seed", "answered", "paired"],
                    "judged",
                    pilot.room if pilot else open_rows(callers.teaching),
                    pilot.end if pilot else None,
                ),
                stage("curation", curate, ["seed", "answered", "paired", "judged"], "curated", AT_ONCE),
                stage("collect", collector, ["seed", "answered", "paired", "judged", "curated"], "collected"),
            ]
            chain(source, *steps)
        progress = Progress(list(callers), collector, budget)
        async with watched(recipe, progress, watch), conducted(pilot) if pilot else nullcontext():
            with quiet_collector(), quick_turns():
                await mill.stream(halt)
        for caller in callers:
            if caller.broken is not None:
                halt.request(caller.broken)
        put_off = Counter[str]()
        for caller in callers:
            if caller.tally.put_off and isinstance(caller.provider, Hosted):
                put_off[caller.provider.engine_key()] += caller.tally.put_off
        await collector.finish(None if halt.requested.is_set() or put_off else lines.read)
        collector.learned = pilot.learned if pilot else None
    return Passed(collector, progress.snapshot(), lines.admission, put_off)


def _sized(recipe: Recipe, admission: Admission, stopping: Callable[[], bool]) -> Recipe:
    """The recipe with a protocol that knows how many comparisons there are, where it wants to."""
    panel = recipe.judge
    if not isinstance(panel.protocol, Piloted):
        return recipe

    def comparisons() -> int:
        lines: Iterable[object] = recipe.tasks.places()
        if admission.filters and not recipe.tasks.authors():
            lines = (seed for seed in Lines(recipe, {}, admission, stopping).kept() if seed.task is not None)
        return sum(1 for _ in lines) * recipe.compare.wanted(recipe.slots())

    protocol = panel.protocol.within(comparisons)
    return recipe.model_copy(update={"judge": panel.model_copy(update={"protocol": protocol})})


def _pilot(recipe: Recipe, callers: Callers, halt: Halt, spoiled: Callable[[], bool]) -> Pilot | None:
    """The pilot of a protocol that learns from one."""
    protocol = recipe.judge.protocol
    if not isinstance(protocol, Piloted):
        return None
    room = open_rows(callers.teaching) + protocol.pilot + AHEAD
    return Pilot(protocol, tuple(caller.provider.label for caller in callers.teaching), halt, room, spoiled)


def _judging(recipe: Recipe, callers: Callers, pilot: Pilot | None) -> Judging | Grading:
    """What teachers do with the answers of a task."""
    panel, teachers = recipe.judge, {caller.provider.label: caller for caller in callers.teaching}
    if panel.protocol is None:
        return Grading(panel.judge, teachers)
    return Judging(panel.judge, panel.protocol, teachers, pilot)
