"""What a recipe would do, and what lies in a run: the figures behind `check`, `stats` and `show`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..generators.ledger import Call, Ledger
from ..generators.probabilities import unpacked
from ..schemas.plugins import KINDS, Plugin, load, names
from ..schemas.row import Row
from ..schemas.rows import Loss, Task
from .guess import guess
from .recipe import Recipe
from .reviews import collected
from .rundir import FOLDERS, RunDirectory


@dataclass(frozen=True, slots=True)
class Planned:
    """Calls that a run would make to one model."""

    stage: str
    model: str
    provider: str
    calls: int
    """At most: failed answers make fewer, replies that cannot be read make more."""
    expected: int
    """Roughly, where the protocol asks only what still matters; else as many as at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe would do."""

    tasks: int
    lost: int
    """Source lines that are no task, or one that was there before."""
    calls: tuple[Planned, ...]


def plan(recipe: Recipe) -> Plan:
    """Count the tasks and the calls they lead to; no model is touched. Raises `SourceError`."""
    guessed, names = guess(recipe), {provider.label: provider.plugin_name() for provider in recipe.providers()}
    comparisons = guessed.tasks * recipe.compare.wanted(recipe.slots())
    shares = {
        ("judgments", teacher.label): recipe.judge.share(number, comparisons)
        for number, teacher in enumerate(recipe.judge.teachers)
    }
    calls = []
    for (stage, model), use in guessed.uses.items():
        probing = guessed.probing if stage == "judgments" else 0
        expected = round((use.calls.expected - probing) * shares.get((stage, model), 1)) + probing
        calls.append(Planned(stage, model, names[model], round(use.calls.expected), expected))
    return Plan(guessed.tasks, guessed.lost, tuple(calls))


def found(directory: Path, wanted: str) -> dict[str, Any]:
    """A row of a run by its id (or a task by its source's id), with its losses and the calls made for its task.

    Raises `KeyError` where no row has that id.
    """
    place = RunDirectory(directory)
    place.manifest()
    rows: list[dict[str, Any]] = []
    losses: list[dict[str, Any]] = []
    task_id: str | None = None
    for kind, row in _rows(place):
        if isinstance(row, Loss):
            if wanted in (row.id, row.row_id, row.task_id):
                losses.append(row.record())
        elif wanted == row.id or (isinstance(row, Task) and wanted == row.source_id):
            rows.append({"row": kind, **row.record()})
            task_id = row.id if isinstance(row, Task) else getattr(row, "task_id", None)
    with Ledger.open(place.ledger) as ledger:
        # A task of a stopped run may have calls, and no row that came through.
        calls = [_plain(call) for call in ledger.of_task(task_id or wanted)]
    if not rows and not losses and not calls:
        raise KeyError(wanted)
    return {"rows": rows, "losses": losses, "calls": calls}


def _plain(call: Call) -> dict[str, Any]:
    """A call as JSON values; of token probabilities, which fill screens, how many tokens there are."""
    plain, kept = asdict(call), call.probabilities
    return plain | {"probabilities": f"of {len(unpacked(kept))} tokens" if kept is not None else None}


def _rows(place: RunDirectory) -> Iterator[tuple[str, Row]]:
    for number in range(place.parts()):
        for kind in FOLDERS:
            for row in place.rows(kind, number):
                yield kind.__name__, row
        for label in place.labels(number) if place.labelled else ():
            yield "Label", label
    for reviews in collected(place).values():
        for review in reviews:
            yield type(review).__name__, review
    for loss in place.late_losses():
        yield Loss.__name__, loss


def plugin_kinds() -> dict[str, list[str]]:
    """Kind of plug-in -> names of all that are installed, none of them imported."""
    return {kind: names(kind) for kind in KINDS}


def plugin_class(kind: str, name: str) -> type[Plugin]:
    """The class of a plug-in. Raises `UnknownPlugin`."""
    return load(_base(kind), name)


def acts_on(plugin: type[Plugin]) -> str:
    """What a filter looks at, in words."""
    return next((words for words, base in _moments().items() if issubclass(plugin, base)), "rows of another kind")


def _moments() -> dict[str, type[Plugin]]:
    """What filters look at, in words, in the order in which they act in a run -> the base of such filters."""
    from ..curation import filters

    return {
        "each task": filters.TaskFilter,
        "all tasks": filters.TaskSetFilter,
        "each answer": filters.AnswerFilter,
        "all answers to a task": filters.AnswerSetFilter,
        "each verdict": filters.VerdictFilter,
        "each graded answer": filters.GradeFilter,
        "all that would be published": filters.ExampleSetFilter,
    }


def filters_by_moment() -> dict[str, list[str]]:
    """What filters look at, in the order in which they act in a run -> their names. Imports all of them."""
    found: dict[str, list[str]] = {words: [] for words in _moments()}
    for name in names("filter"):
        found.setdefault(acts_on(plugin_class("filter", name)), []).append(name)
    return found


def _base(kind: str) -> type[Plugin]:
    from ..curation.desks import Desk
    from ..curation.filters import Filter
    from ..generators.judges import Judge
    from ..generators.protocols import Protocol
    from ..generators.providers import Provider
    from ..generators.sources import Source
    from ..schemas.formats import Format

    bases: tuple[type[Plugin], ...] = (Source, Provider, Judge, Protocol, Filter, Format, Desk)
    return next(base for base in bases if base.kind == kind)
