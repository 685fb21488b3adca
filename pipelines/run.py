"""Running a recipe: open what it names, stream the stages, write the parts, export. A notebook calls `run`."""

from __future__ import annotations

import platform
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..generators.authoring.aimed import Aim
from ..generators.budget import Budget, Caps, budget_of, check_prices
from ..generators.halt import Halt
from ..generators.ledger import Ledger
from ..generators.protocols import Piloted
from ..generators.providers import Site
from ..schemas.errors import CapReached, OutOfBand, UserError
from .answering import Answering
from .balancing import flatten, told
from .batches import batches_of
from .callers import Callers, open_rows, opened
from .collect import Collector
from .curating import Curating
from .export import export
from .grading import Grading
from .judging import Judging
from .lines import Lines
from .lookout import Lookout
from .loop import run_loop
from .pairing import Pairing
from .pilot import AHEAD, Admitted, Pilot, conducted
from .probing import Prober, Probing
from .process import interruptible, quick_turns, quiet_collector, stopped_by_ctrl_c
from .progress import Progress, Snapshot
from .recipe import Recipe
from .replaying import OUT_OF_BAND, check_again
from .rundir import RunDirectory
from .watching import Watch, watched
from .waterfall import Waterfall

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
    next(recipe.tasks.seeds(), None)  # A source that cannot be read is told before anything is started.
    with ExitStack() as stack:
        stack.enter_context(place.claimed(recipe))
        ledger = stack.enter_context(Ledger.open(place.ledger))
        if retry_failed:
            ledger.forget_failures()
        check_again(recipe, place, ledger)
        budget = budget_of(caps, ledger, recipe.providers())
        manifest = _begin(recipe)
        place.write_manifest(manifest)
        stack.enter_context(stopped_by_ctrl_c())
        place.clear()
        # Imported here: it takes seconds. Errors in a recipe should not wait for it, nor Ctrl-C on the loop.
        from . import engine  # noqa: F401

        halt = Halt()
        streamed = stream(recipe, place, ledger, halt, budget, watch=watch, retry_failed=retry_failed)
        collector, seen = run_loop(streamed, halt)
        manifest |= _ended(collector, ledger, seen)
        if isinstance(halt.reason, OutOfBand):
            manifest[OUT_OF_BAND] = True
        if collector.learned is not None:
            manifest["pilot"] = collector.learned.model_dump(mode="json")
        if batches := batches_of(place):
            manifest["batches"] = batches
        reason = budget.told(halt.reason) if isinstance(halt.reason, CapReached) else halt.reason
        if reason is None:
            from .labelling import label  # Here, since it takes numpy along.

            try:
                label(place, recipe, collector.waterfall, manifest)
            except UserError as why:
                # What was measured is what the person needs to decide.
                place.write_manifest(manifest | {"stopped": str(why)})
                raise
            if recipe.aim is not None and recipe.aim.flat:
                manifest["grid"] = _flatten(place, recipe.aim, collector.waterfall)
            manifest["stages"] = collector.waterfall.as_plain()
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

    recipe = _sized(recipe)
    collector = Collector(place, authored=bool(recipe.tasks.authors()), probed=recipe.probes is not None)
    site = Site(folder=place.batches, retry_failed=retry_failed, stopping=halt.requested)
    async with opened(recipe, site, ledger, halt, budget) as callers:
        answer: Answering | Admitted = Answering(callers.answering, recipe.filters, recipe.aim)
        pair = Pairing(recipe.compare, recipe.seed)
        pilot = _pilot(recipe, callers, halt)
        if pilot is not None:
            answer = Admitted(pilot, answer)
        judge: Judging | Grading | Probing = _judging(recipe, callers, pilot)
        if recipe.probes is not None and isinstance(judge, Judging):
            lookout = Lookout(recipe.probes, halt, place.path, budget.grace_s)
            prober = Prober(recipe.probes, recipe.seed, judge.judge, judge.protocol, judge.callers)
            judge = Probing(judge, prober, lookout)
        curate = Curating(recipe.filters)
        with Mill(name=f"prefmill-{recipe.name}") as mill:
            lines = Lines(recipe, {caller.provider.label: caller for caller in callers.authoring})
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
            with interruptible(halt), quiet_collector(), quick_turns():
                await mill.stream(halt)
        for caller in callers:
            if caller.broken is not None:
                halt.request(caller.broken)
        await collector.finish(None if halt.requested.is_set() else lines.read)
        collector.learned = pilot.learned if pilot else None
    return collector, progress.snapshot()


def _sized(recipe: Recipe) -> Recipe:
    """The recipe with a protocol that knows how many comparisons there are, where it wants to."""
    panel = recipe.judge
    if not isinstance(panel.protocol, Piloted):
        return recipe

    def comparisons() -> int:
        return sum(1 for _ in recipe.tasks.places()) * recipe.compare.wanted(recipe.slots())

    protocol = panel.protocol.within(comparisons)
    return recipe.model_copy(update={"judge": panel.model_copy(update={"protocol": protocol})})


def _pilot(recipe: Recipe, callers: Callers, halt: Halt) -> Pilot | None:
    """The pilot of a protocol that learns from one."""
    protocol = recipe.judge.protocol
    if not isinstance(protocol, Piloted):
        return None
    room = open_rows(callers.teaching) + protocol.pilot + AHEAD
    return Pilot(protocol, tuple(caller.provider.label for caller in callers.teaching), halt, room)


def _judging(recipe: Recipe, callers: Callers, pilot: Pilot | None) -> Judging | Grading:
    """What teachers do with the answers of a task."""
    panel, teachers = recipe.judge, {caller.provider.label: caller for caller in callers.teaching}
    if panel.protocol is None:
        return Grading(panel.judge, teachers)
    return Judging(panel.judge, panel.protocol, teachers, pilot)


def _flatten(place: RunDirectory, aim: Aim, fall: Waterfall) -> dict[str, Any]:
    """Make the grid even, and count what that drops."""
    grid, losses = flatten(place, aim.scores)
    place.write_late_losses([*place.late_losses(), *losses])
    for loss in losses:
        fall[loss.stage].kept -= 1
        fall[loss.stage].lose(loss)
    return told(grid)


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
