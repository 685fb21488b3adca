"""What a run would cost: a sample of its tasks is run for real, and the others are reckoned from it.

The sample is drawn from the whole source by hash, since the beginning of a sorted source is not like the rest. Its
calls go into the run's own ledger: the run itself finds them there and pays for none of them again. The range is from
the 5th to the 95th percentile of a bootstrap over tasks (`extrapolate.py`); it knows nothing of what is no chance:
prices that change, or a source that grows. The sample has no probe pairs, whose first ones would blow up its figures:
how many a run has is known from the source, and a question about one is taken to use what those about comparisons used
on average.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ..curation.filters import TaskFilter, TaskSetFilter
from ..generators.batches.settings import Batching, online
from ..generators.budget import Caps, budget_of
from ..generators.halt import Halt
from ..generators.hosting.settings import Hosted
from ..generators.ledger import Ledger
from ..generators.providers import Price, Provider
from ..generators.sources import Source
from ..schemas.errors import SourceError, UserError
from ..schemas.probe import ProbeKind
from ..schemas.row import Usage, digest
from ..schemas.rows import Answer, Grade, Judgment, Loss, Task
from .admission import admitted
from .engine_uses import EngineUse, summed
from .extrapolate import Amount, Figure, Use, extrapolate, total
from .gpu_time import EngineTime, engine_times
from .guess import guess
from .loop import run_loop
from .passes import hosted_in_order, passes
from .probe_calls import kind_of, with_probes
from .recipe import Recipe
from .rundir import RunDirectory, write_text
from .watching import Watch

FOLDER = "estimate"
"""Where the rows of the sample lie, below the run's directory."""
SAMPLE = 20
"""Tasks that are run for an estimate."""

Key = tuple[str, str]
"""Stage and model."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the whole run would ask of one model in one stage, or of all of them."""

    stage: str
    model: str
    calls: Figure
    prompt_tokens: Figure
    completion_tokens: Figure
    online_usd: Figure | None
    """As single calls; None where no price is known."""
    batch_usd: Figure | None
    """In batches, where the provider has any, and else as single calls; None where no price is known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost."""

    tasks: int
    sampled: int
    """Tasks that were run; 0 where nothing was asked and the figures are a guess."""
    lines: tuple[Line, ...]
    total: Line
    unpriced: tuple[str, ...]
    """Models without a price; they are not in the total's dollars."""
    seconds: float | None
    """Rough: calls times their mean latency over `max_in_flight`, of the slowest model that is not loaded here."""
    engines: tuple[EngineTime, ...]
    """What each model takes that prefmill loads itself."""
    sent: int
    """Calls sent for this estimate."""
    given_up: int
    """Calls of the sample that failed in the end; they count as calls without tokens."""
    kept_calls: int
    """Calls in the ledger now, which the run will not make again."""
    kept_usd: float
    """What they have cost."""


def estimate(recipe: Recipe, directory: Path, *, sample: int = SAMPLE, watch: Watch | None = None) -> Estimate:
    """Run `sample` tasks and reckon the whole run from them; 0: ask nothing and guess.

    Raises as `run` does. Parts and manifest of a run that lies there are not touched; what the sample asked stays in
    its ledger.
    """
    providers = {
        **{("tasks", p.label): p for p in recipe.tasks.authors()},
        **{("answers", p.label): p for p in recipe.answers if not p.local},
        **{("judgments", p.label): p for p in recipe.judge.teachers},
    }
    unpriced = tuple(sorted({p.label for p in providers.values() if p.priced() is None}))
    if sample and recipe.tasks.authors():
        raise UserError(f"{recipe.name}: tasks that models write cannot be sampled. `--sample 0` guesses from lengths.")
    if sample == 0:
        guessed = guess(recipe)
        return Estimate(guessed.tasks, 0, *_lines(guessed.uses, providers), unpriced, None, (), 0, 0, 0, 0.0)
    count, chosen, kinds = _drawn(recipe, sample)
    place, own, halt = RunDirectory(directory), RunDirectory(directory / FOLDER), Halt()
    with ExitStack() as stack:
        stack.enter_context(place.claimed(recipe, begins=False))
        ledger = stack.enter_context(Ledger.open(place.ledger))
        own.clear()
        sampled = _only(recipe, chosen)
        budget = budget_of(Caps(), ledger, recipe.providers())
        went = run_loop(passes(sampled, own, ledger, halt, budget, watch=watch), halt)
        if halt.reason is not None:
            raise halt.reason
        uses = extrapolate(_used(own, providers, chosen), count, recipe.seed)
        uses |= with_probes(uses, recipe, kinds, own, count / len(chosen))
        heard = _heard(ledger, chosen, providers)
        engines = engine_times(_measured(own, went.engines), hosted_in_order(recipe), uses)
    return Estimate(
        count,
        len(chosen),
        *_lines(uses, providers),
        unpriced=unpriced,
        seconds=_seconds(uses, providers, heard),
        engines=engines,
        sent=sum(stage.done - stage.found for stage in went.seen.stages),
        given_up=heard.given_up,
        kept_calls=budget.calls,
        kept_usd=budget.spent_usd,
    )


def _drawn(recipe: Recipe, sample: int) -> tuple[int, list[Task], Counter[ProbeKind]]:
    """How many tasks there are, `sample` of them drawn from the recipe's seed, in source order; and all probes."""
    count, kinds = 0, Counter[ProbeKind]()

    def numbered() -> Iterator[tuple[str, int, Task]]:
        nonlocal count
        for place, line in enumerate(admitted(recipe)):
            if not isinstance(line, Loss):
                count += 1
                kinds.update([kind] if (kind := kind_of(recipe, line, place)) else [])
                yield digest("estimate", recipe.seed, line.id), count, line

    chosen = heapq.nsmallest(sample, numbered(), key=lambda entry: entry[0])
    if not chosen:
        raise SourceError(f"{recipe.tasks.where()}: no line of it is a task; `prefmill check` counts them.")
    return count, [task for _, _, task in sorted(chosen, key=lambda entry: entry[1])], kinds


class _Chosen(Source):
    """Tasks that were read already."""

    chosen: tuple[Task, ...]

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        return iter(())

    def where(self) -> str:
        return FOLDER

    def tasks(self) -> Iterator[Task | Loss]:
        return iter(self.chosen)


def _only(recipe: Recipe, chosen: Sequence[Task]) -> Recipe:
    """The recipe for these tasks alone, with single calls: nobody waits a day for an estimate."""
    panel = recipe.judge
    return recipe.model_copy(
        update={
            "tasks": _Chosen(chosen=tuple(chosen)),
            "answers": tuple(online(provider) for provider in recipe.answers),
            "judge": panel.model_copy(update={"teachers": tuple(online(teacher) for teacher in panel.teachers)}),
            "probes": None,
            # The sample's tasks have passed them, and a sample says nothing of how many are alike.
            "filters": tuple(one for one in recipe.filters if not isinstance(one, TaskFilter | TaskSetFilter)),
        }
    )


def _used(own: RunDirectory, providers: Mapping[Key, Provider], chosen: Sequence[Task]) -> dict[Key, list[Usage]]:
    """What each task of the sample used of each stage and model."""
    used = {key: {task.id: Usage() for task in chosen} for key in providers}
    for part in range(own.parts()):
        rows: list[tuple[Key, Answer | Judgment | Grade]] = []
        rows += [(("answers", answer.model), answer) for answer in own.rows(Answer, part)]
        rows += [(("judgments", judgment.teacher), judgment) for judgment in own.rows(Judgment, part)]
        rows += [(("judgments", grade.teacher), grade) for grade in own.rows(Grade, part)]
        for key, row in rows:
            if key in used:
                used[key][row.task_id] += row.usage
    return {key: list(by_task.values()) for key, by_task in used.items()}


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the ledger says of the sample's calls."""

    latency: Mapping[Key, float]
    """Mean seconds that a call took."""
    given_up: int


def _heard(ledger: Ledger, chosen: Sequence[Task], providers: Mapping[Key, Provider]) -> _Heard:
    calls = [call for task in chosen for call in ledger.of_task(task.id)]
    latency: dict[Key, float] = {}
    for key in providers:
        took = [call.latency_s for call in calls if (call.stage, call.model) == key]
        latency[key] = sum(took) / len(took) if took else 0.0
    return _Heard(latency, sum(call.status != "ok" for call in calls))


def _seconds(uses: Mapping[Key, Use], providers: Mapping[Key, Provider], heard: _Heard) -> float:
    """Seconds the slowest model takes for its calls, as many at a time as the recipe allows."""
    return max(
        (
            uses[key].calls.expected * heard.latency[key] / provider.max_in_flight
            for key, provider in providers.items()
            if not isinstance(provider, Hosted)
        ),
        default=0.0,
    )


def _measured(own: RunDirectory, uses: Sequence[EngineUse]) -> list[dict[str, Any]]:
    """What all samples so far have shown of the models that are loaded here: one that is asked again finds its calls in
    the ledger and loads nothing."""
    path = own.path / "engines.json"
    measured = summed(uses, orjson.loads(path.read_bytes()) if path.exists() else [])
    if measured:
        write_text(path, orjson.dumps(measured).decode())
    return measured


def _lines(uses: Mapping[Key, Use], providers: Mapping[Key, Provider]) -> tuple[tuple[Line, ...], Line]:
    """The uses with their prices, and their sum."""
    lines, online, batch = [], [], []
    for key, provider in providers.items():
        use, cost = uses[key], _cost(uses[key], provider.priced())
        batched = cost.times(provider.batch.price_factor) if cost and isinstance(provider, Batching) else cost
        lines.append(_line(key, use, cost, batched))
        online += [cost] if cost else []
        batch += [batched] if batched else []
    every = uses.values()
    summed = Use(
        total(use.calls for use in every),
        total(use.prompt_tokens for use in every),
        total(use.completion_tokens for use in every),
    )
    return tuple(lines), _line(
        ("total", ""), summed, total(online) if online else None, total(batch) if batch else None
    )


def _cost(use: Use, price: Price | None) -> Amount | None:
    if price is None:
        return None
    return use.prompt_tokens.times(price.input / 1e6) + use.completion_tokens.times(price.output / 1e6)


def _line(key: Key, use: Use, online: Amount | None, batch: Amount | None) -> Line:
    return Line(
        *key,
        use.calls.figure(),
        use.prompt_tokens.figure(),
        use.completion_tokens.figure(),
        online.figure() if online else None,
        batch.figure() if batch else None,
    )
