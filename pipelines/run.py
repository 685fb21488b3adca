"""Running a recipe: open what it names, stream the stages, write the parts, export. A notebook calls `run`."""

from __future__ import annotations

import platform
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..generators.authoring.aimed import Aim
from ..generators.budget import Caps, budget_of, check_prices
from ..generators.halt import Halt
from ..generators.ledger import Ledger
from ..schemas.errors import CapReached, OutOfBand, RunDirectoryError, UserError
from . import engine_uses
from .balancing import flatten, told
from .batches import batches_of
from .collect import Collector
from .export import export
from .loop import run_loop
from .passes import passes
from .process import stopped_by_ctrl_c
from .progress import Snapshot
from .recipe import Recipe
from .replaying import OUT_OF_BAND, check_again
from .rundir import RunDirectory
from .selecting import KEY as FILTERS
from .selecting import select
from .splitting.groups import group
from .splitting.settings import Splitting
from .watching import Watch
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
    for plugin in recipe.filters:
        plugin.ready()
    next(recipe.tasks.seeds(), None)  # A source that cannot be read is told before anything is started.
    with ExitStack() as stack:
        stack.enter_context(place.claimed(recipe))
        ledger = stack.enter_context(Ledger.open(place.ledger))
        if retry_failed:
            ledger.forget_failures()
        check_again(recipe, place, ledger)
        budget = budget_of(caps, ledger, recipe.providers())
        engines_before = _engines(place)
        manifest = _begin(recipe) | ({engine_uses.KEY: engines_before} if engines_before else {})
        place.write_manifest(manifest)
        stack.enter_context(stopped_by_ctrl_c())
        place.clear()
        # Imported here: it takes seconds. Errors in a recipe should not wait for it, nor Ctrl-C on the loop.
        from . import engine  # noqa: F401

        halt = Halt()
        went = run_loop(passes(recipe, place, ledger, halt, budget, watch=watch, retry_failed=retry_failed), halt)
        collector = went.collector
        manifest |= _ended(collector, ledger, went.seen)
        if went.engines:
            manifest[engine_uses.KEY] = engine_uses.summed(went.engines, engines_before)
        if went.reaped:
            manifest["reaped"] = list(went.reaped)
        if filtered := went.admission.told():
            manifest[FILTERS] = filtered
        place.write_flags(went.admission.flags())
        if isinstance(halt.reason, OutOfBand):
            manifest[OUT_OF_BAND] = True
        if collector.learned is not None:
            manifest["pilot"] = collector.learned.model_dump(mode="json")
        if batches := batches_of(place):
            manifest["batches"] = batches
        reason = budget.told(halt.reason) if isinstance(halt.reason, CapReached) else halt.reason
        if reason is None:
            _label(place, recipe, collector.waterfall, manifest)
            exported = export(place, recipe.exports, manifest)
            manifest["stages"] |= exported.as_plain()
            manifest["finished"] = True
        else:
            manifest["stopped"] = str(reason)
        place.write_manifest(manifest)
        if reason is not None:
            raise reason
    return manifest


def _label(place: RunDirectory, recipe: Recipe, fall: Waterfall, manifest: dict[str, Any]) -> None:
    """What is done once all parts are there: labels, and what is chosen of them. Raises `UserError`."""
    from .labelling import label  # Here, since it takes numpy along.

    group(place, recipe.split or Splitting())
    try:
        label(place, recipe, fall, manifest)
    except UserError as why:
        # What was measured is what the person needs to decide.
        place.write_manifest(manifest | {"stopped": str(why)})
        raise
    select(place, recipe.filters, fall, manifest)
    if recipe.aim is not None and recipe.aim.flat:
        manifest["grid"] = _flatten(place, recipe.aim, fall)
    manifest["stages"] = fall.as_plain()
    fall.check()
    place.write_manifest(manifest)


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


def _engines(place: RunDirectory) -> list[dict[str, Any]]:
    """What the models that earlier processes of this run have loaded did."""
    try:
        found: list[dict[str, Any]] = place.manifest().get(engine_uses.KEY, [])
    except RunDirectoryError:
        return []  # The run begins, or its manifest is not whole; it is written anew.
    return found


def _time() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
