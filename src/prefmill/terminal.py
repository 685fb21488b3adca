"""What a person sees at the terminal: progress while running, the waterfall, tables. Printing only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from prefmill.bias import show_bias, show_ranking
from prefmill.engines import show_engines
from prefmill.pipelines.splitting.figures import absent
from prefmill.schemas.visible import visible
from prefmill.tables import console as _console
from prefmill.tables import money as _money
from prefmill.tables import table as _table
from prefmill.visible import own

if TYPE_CHECKING:
    from prefmill.pipelines.batches import Cancelled
    from prefmill.pipelines.overview import Plan
    from prefmill.pipelines.progress import Snapshot, StageProgress
    from prefmill.pipelines.relabel import Relabelled
    from prefmill.schemas.plugins import Plugin

PLAIN_EVERY_S = 5.0
"""Seconds between two lines where the output is no terminal."""


def show_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(reasons.items(), key=lambda item: -item[1]))


OPTIONAL = ("comparisons", "judgments", "grades", "verdicts")
"""Stages that not every recipe has: comparisons are judged, single answers are graded."""


def show_waterfall(stages: Mapping[str, Any]) -> None:
    """Every stage: in = kept + dropped + failed, with reasons."""
    table = _table("stage", ">in", ">kept", ">dropped", ">failed", "reasons")
    for stage, count in stages.items():
        dropped, failed = count["dropped"], count["failed"]
        if not count["in"] and stage in OPTIONAL:
            continue
        table.add_row(
            stage,
            f"{count['in']:,}",
            f"{count['kept']:,}",
            f"{sum(dropped.values()):,}",
            f"{sum(failed.values()):,}",
            _reasons({**dropped, **{f"{reason} (failed)": rows for reason, rows in failed.items()}}),
        )
    _console().print(table)


def show_calls(manifest: Mapping[str, Any]) -> None:
    """Calls, tokens and cost for each stage and model."""
    table = _table("stage", "model", ">calls", ">given up", ">tokens in", ">tokens out", ">cost")
    for row in manifest["calls"]:
        table.add_row(
            row["stage"],
            row["model"],
            f"{row['calls']:,}",
            f"{row['failed']:,}",
            f"{row['prompt_tokens']:,}",
            f"{row['completion_tokens']:,}",
            _money(row["cost_usd"]),
        )
    _console().print(table)


def show_stats(manifest: Mapping[str, Any], *, whole: bool = False) -> None:
    """A run's waterfall and calls; where `whole`, also what sways its teachers and how its models rank."""
    if "stages" not in manifest:
        sys.stdout.write(f"{manifest['name']}: nothing has come through yet\n")
        return
    show_waterfall(manifest["stages"])
    show_calls(manifest)
    show_engines(manifest)
    if not manifest["finished"]:
        why = manifest.get("stopped", "it was killed; run its recipe again to go on")
        sys.stdout.write(f"not finished: {why}\n")
    if manifest["simulated"]:
        sys.stdout.write("simulated: answers and judgments come from the simulated world\n")
    show_measured(manifest)
    if whole and "bias" in manifest:
        show_bias(manifest["bias"])
    if whole and "ranking" in manifest:
        show_ranking(manifest["ranking"])


def show_measured(manifest: Mapping[str, Any]) -> None:
    """What the pilot taught, how far the labels agree with people's, what changed them, and what the grid of intended
    scores is like, where a run has them."""
    if pilot := manifest.get("pilot"):
        show_pilot(pilot)
    for name, beside in manifest.get("agreement", {}).get("teachers", {}).items():
        found = beside["agreement"]
        if "undefined" in found:
            sys.stdout.write(f"{name} and people: {found['undefined']}\n")
        else:
            within = f"95 %: {found['low']:.1%} to {found['high']:.1%}"
            sys.stdout.write(f"{name} agrees with people on {found['value']:.1%} of {found['n']:,} pairs ({within})\n")
    fit = manifest.get("calibration", {})
    if "undefined" in fit:
        sys.stdout.write(f"not calibrated: {fit['undefined']}\n")
    elif fit:
        error, chance = fit["ece"], fit["ece_of_chance"]
        sys.stdout.write(
            f"calibrated on {fit['labels']:,} labels ({fit['method']}): stated probabilities are off by {error:.3f} on "
            f"average (chance alone: {chance:.3f})\n"
        )
    if labels := manifest.get("labels"):
        removed = f"{' and '.join(labels['removed'])} removed: {labels['changed_by_removal']:,} winners changed; "
        people = f"{labels['by_people']:,} labels by people, {labels['changed_by_people']:,} of them another winner"
        sys.stdout.write(f"labels: {removed if labels['removed'] else ''}{people}\n")
    for name in absent(manifest.get("split", {})):
        sys.stdout.write(f"split: nothing here is of {visible(name)!r}, which was to be held out\n")
    if grid := manifest.get("grid"):
        rows = ", ".join(f"{count:,} of score {score}" for score, count in grid["rows"].items())
        sys.stdout.write(
            f"grid: {rows}; mean lengths within {grid['length_gap']:.1%}; {len(grid['missing']):,} missing\n"
        )


def show_pilot(pilot: Mapping[str, Any]) -> None:
    """What a run's first comparisons taught about its teachers."""
    for habit in pilot["habits"]:
        offset = f"{habit['offset']:+.2f} ± {habit['offset_error']:.2f}"
        sys.stdout.write(
            f"pilot: {habit['teacher']} adds {offset} for standing first, and keeps its winner in both orders of "
            f"{habit['consistency']:.0%} of {habit['pairs']:,} pairs\n"
        )
    for teacher in pilot["unknown"]:
        sys.stdout.write(
            f"pilot: the gaps of {teacher} do not tell when the other order matters: it is asked in both\n"
        )
    if pilot["votes"] is not None:
        sys.stdout.write(
            f"pilot: together the teachers are worth {pilot['votes']:.1f} independent votes at least (their margins "
            f"correlate by {pilot['correlation']:.2f})\n"
        )


def show_run(manifest: Mapping[str, Any], directory: Path) -> None:
    """What a person sees when a run has ended."""
    show_stats(manifest)
    now = manifest["this_time"]
    sys.stdout.write(f"{now['sent']:,} calls sent, {now['found']:,} found in the ledger, {now['seconds']:.1f} s\n")
    exports = sorted(
        path for path in (directory / "export").glob("*/*.*") if path.suffix in (".jsonl", ".json", ".csv")
    )
    for path in exports:
        sys.stdout.write(f"wrote {path}\n")
    sys.stdout.write(f"next: prefmill stats {directory}\n")


def show_exports(stages: Mapping[str, Any], directory: Path) -> None:
    """What became of the kept rows in each format."""
    show_waterfall(stages)
    for stage in stages:
        sys.stdout.write(f"wrote {directory / 'export' / stage.removeprefix('export ')}\n")


def show_relabelled(done: Relabelled, directory: Path) -> None:
    """What people's reviews changed, and where it is written."""
    show_stats(done.manifest)
    changes = ", ".join(f"{what} {count:,}" for what, count in done.changes.items()) or "none"
    sys.stdout.write(f"{done.reviews:,} reviews new or changed; labels changed: {changes}\n")
    sys.stdout.write(f"wrote {directory / 'relabelled.jsonl'}\n")


def show_plan(plan: Plan) -> None:
    """The calls a recipe would make."""
    lost = f" ({plan.lost:,} lines are no task or stand there twice)" if plan.lost else ""
    sys.stdout.write(f"{plan.tasks:,} tasks{lost}\n")
    # Most protocols ask the same of every comparison: then there is one figure to show.
    about = any(planned.expected != planned.calls for planned in plan.calls)
    table = _table("stage", "model", "provider", ">calls at most", *([">about"] if about else []))
    for planned in plan.calls:
        figures = (planned.calls, planned.expected) if about else (planned.calls,)
        table.add_row(planned.stage, planned.model, planned.provider, *(f"{figure:,}" for figure in figures))
    _console().print(table)


def show_list(kinds: Mapping[str, list[str]]) -> None:
    """Kinds of plug-ins and their names."""
    width = max(len(kind) for kind in kinds)
    for kind, names in kinds.items():
        sys.stdout.write(f"{kind:<{width}}  {', '.join(names)}\n")


def show_filters(moments: Mapping[str, list[str]]) -> None:
    """Filters by what they look at, in the order in which they act in a run."""
    sys.stdout.write("filter   what it acts on: names; in a run, those further up act first\n")
    width = max(len(moment) for moment in moments)
    for moment, names in moments.items():
        sys.stdout.write(f"  {moment:<{width}}  {', '.join(names)}\n")


def show_plugin(plugin: type[Plugin], as_json: bool) -> None:
    """What a plug-in does, and its recipe keys with defaults and meanings."""
    if as_json:
        show_json(plugin.model_json_schema())
        return
    sys.stdout.write(f"{plugin.kind} {plugin.plugin_name()}: {(plugin.__doc__ or '').strip()}\n")
    if plugin.kind == "filter":
        from prefmill.pipelines.overview import acts_on

        sys.stdout.write(f"acts on {acts_on(plugin)}\n")
    table = _table("key", "default", "meaning")
    for name, field in plugin.model_fields.items():
        default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
        shown = default if len(default) <= 40 else f"{type(field.default).__name__}(…)"
        table.add_row(name, shown, field.description or "")
    _console().print(table)


def calls_kept(directory: Path) -> str:
    """How many calls a stopped run has in its ledger."""
    from prefmill.pipelines.rundir import RunDirectory

    return f"{sum(row['calls'] for row in RunDirectory(directory).manifest().get('calls', [])):,}"


def batches_under_way(directory: Path) -> str:
    """A part of a sentence about the batches that a stopped run leaves at its endpoints; empty where there are none."""
    from prefmill.pipelines.batches import under_way
    from prefmill.pipelines.rundir import RunDirectory

    count = under_way(RunDirectory(directory))
    return f"{count:,} batch{'es go' if count > 1 else ' goes'} on at the endpoint; " if count else ""


def show_cancelled(batches: Sequence[Cancelled]) -> None:
    """What became of the batches that were under way."""
    for batch in batches:
        named = batch.batch or "a batch"
        sys.stdout.write(
            f"{batch.stage} {batch.model}: {named} {batch.status}: {batch.done:,} of {batch.requests:,} requests done\n"
        )
    sys.stdout.write(
        "what is done is fetched when the run goes on\n" if batches else "no batch of this run is under way\n"
    )


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[Snapshot], None] | None]:
    """A watcher for a run: a live table on a terminal, a line now and then otherwise, nothing when `quiet`."""
    console = Console(file=own(sys.stderr), highlight=False)
    if quiet:
        yield None
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            yield lambda snapshot: live.update(_progress_table(snapshot))
    else:
        yield _Lines().watch


class _Lines:
    """One line every few seconds, for logs."""

    def __init__(self) -> None:
        self._shown_s = 0.0

    def watch(self, snapshot: Snapshot) -> None:
        if snapshot.seconds - self._shown_s < PLAIN_EVERY_S:
            return
        self._shown_s = snapshot.seconds
        stages = "; ".join(_stage_text(stage) for stage in snapshot.stages)
        sys.stderr.write(f"{_head(snapshot)}; {stages}\n")


def _head(snapshot: Snapshot) -> str:
    total = f"/{snapshot.tasks_total:,}" if snapshot.tasks_total is not None else ""
    eta = f", {_span(snapshot.eta_s)} left" if snapshot.eta_s is not None else ""
    cost = f", {_money(snapshot.run_usd)}" if snapshot.run_usd else ""
    if snapshot.max_usd is not None:
        cost = f", {_money(snapshot.run_usd)} of {_money(snapshot.max_usd)}"
    return f"{_span(snapshot.seconds)}: {snapshot.tasks_done:,}{total} tasks{cost}{eta}"


def _stage_text(stage: StageProgress) -> str:
    failed = f", {stage.failed:,} failed" if stage.failed else ""
    paused = f", paused ({stage.broken})" if stage.broken else ""
    return f"{stage.stage} {stage.model}: {stage.done:,} done{failed}, {stage.per_second:.1f}/s{paused}"


def _progress_table(snapshot: Snapshot) -> RenderableType:
    table = _table("stage", "model", ">done", ">failed", ">in flight", ">calls/s", ">cost", title=_head(snapshot))
    for stage in snapshot.stages:
        table.add_row(
            stage.stage,
            stage.model,
            f"{stage.done:,}",
            f"{stage.failed:,}",
            f"{stage.open:,}",
            f"{stage.per_second:.1f}",
            "" if stage.cost_usd == 0 else _money(stage.cost_usd),
        )
    paused = [Text(visible(f"paused: {stage.broken}")) for stage in snapshot.stages if stage.broken]
    return Group(table, *paused) if paused else table


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
