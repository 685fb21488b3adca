"""As many passes over the tasks as it takes until every model had its turn: those that prefmill loads itself need not
all fit into memory at one time.

A pass goes through all tasks and stages as ever. A call to a model that is not loaded is put off, and its line with it;
everything else is asked, and is in the ledger from then on. The first pass loads nothing, and so finds out what is
missing: nothing, where a run is finished. Each further one loads models that were wanted, as many as fit together:
those that write tasks first, then those that only answer, those that answer and judge, and those that judge. So a model
that answers and judges is loaded when all other answers are there, and each model once; where several judge what all
have answered, the first ones sleep meanwhile, until nothing is left that they may be asked. The pass in which nothing
is put off is the one whose rows stay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..generators.budget import Budget
from ..generators.halt import Halt
from ..generators.hosting.devices import visible
from ..generators.hosting.pool import Pool
from ..generators.hosting.settings import Hosted
from ..generators.ledger import Ledger
from ..generators.protocols import Piloted
from ..generators.providers import Provider
from .admission import Admission
from .collect import Collector
from .engine_uses import EngineUse
from .process import interruptible
from .progress import Snapshot, StageProgress
from .recipe import Recipe
from .rundir import RunDirectory
from .streaming import stream
from .watching import Watch


@dataclass(frozen=True, slots=True)
class Went:
    """What all passes came to."""

    collector: Collector
    """Of the last one."""
    seen: Snapshot
    """All of them together."""
    admission: Admission
    """Which tasks were gone into."""
    engines: tuple[EngineUse, ...] = ()
    reaped: tuple[str, ...] = ()
    """What an earlier process had left running and was ended first, a line each."""


async def passes(
    recipe: Recipe,
    place: RunDirectory,
    ledger: Ledger,
    halt: Halt,
    budget: Budget,
    *,
    watch: Watch | None = None,
    retry_failed: bool = False,
) -> Went:
    """Stream the tasks until no line is put off, or the run stops. Raises as `stream` does."""
    with interruptible(halt):
        order = hosted_in_order(recipe)
        if not order:
            passed = await stream(recipe, place, ledger, halt, budget, watch=watch, retry_failed=retry_failed)
            return Went(passed.collector, passed.seen, passed.admission)
        pool = Pool(place.engines, visible())
        seen: list[Snapshot] = []
        answered: set[str] = set()
        admission = Admission(recipe.filters)
        try:
            pool.know(order)
            await pool.admit(order if pool.fits(order) else ())
            while True:
                place.clear()
                passed = await stream(
                    recipe,
                    place,
                    ledger,
                    halt,
                    budget,
                    watch=watch,
                    retry_failed=retry_failed,
                    engines=pool,
                    admission=admission,
                )
                seen.append(passed.seen)
                missing = frozenset(passed.put_off)
                if missing.isdisjoint(_keys(recipe.tasks.authors())):
                    answered |= {provider.engine_key() for provider in order if pool.admits(provider)}
                if missing and not halt.requested.is_set():
                    wanted = [provider for provider in order if provider.engine_key() in missing]
                    await pool.admit(pool.together([*wanted, *order]), again=_again(recipe, missing, answered))
                if halt.requested.is_set() or not passed.put_off:
                    return Went(passed.collector, _summed(seen), admission, await _uses(recipe, pool), pool.reaped)
        finally:
            await pool.close()


def hosted_in_order(recipe: Recipe) -> list[Hosted]:
    """The models that prefmill loads itself, one entry for each engine, in the order in which they are loaded."""
    judging = _keys(recipe.judge.teachers)
    answering = sorted(_of(recipe.answers), key=lambda provider: provider.engine_key() in judging)
    found: dict[str, Hosted] = {}
    for provider in (*_of(recipe.tasks.authors()), *answering, *_of(recipe.judge.teachers)):
        found.setdefault(provider.engine_key(), provider)
    return list(found.values())


def _again(recipe: Recipe, missing: frozenset[str], answered: Collection[str]) -> frozenset[str]:
    """Engines that are wanted later on: calls to them were put off (`missing`), or may be asked what is not there yet.

    `answered`: engines that were loaded while all tasks were there: of these no answer is missing.
    """
    teaching, answering, authoring = _keys(recipe.judge.teachers), _keys(recipe.answers), _keys(recipe.tasks.authors())
    if missing & authoring:
        return missing | authoring | answering | teaching
    if missing & answering - set(answered):
        return missing | teaching
    return missing | _keys(_asked_further(recipe))


def _asked_further(recipe: Recipe) -> Sequence[Provider]:
    """Teachers that may be asked more about comparisons that they were asked about, once other teachers have spoken."""
    teachers, protocol = recipe.judge.teachers, recipe.judge.protocol
    if recipe.probes is not None:  # Asked of all teachers before the line's comparisons.
        return teachers
    if not isinstance(protocol, Piloted):
        return ()
    # Whoever is asked all there is about every comparison is asked at once.
    asked = [protocol.expected(number, len(teachers), 1) for number in range(len(teachers))]
    return [teacher for teacher, calls in zip(teachers, asked, strict=True) if calls < protocol.calls(1, 1)]


def _of(providers: Sequence[object]) -> list[Hosted]:
    return [provider for provider in providers if isinstance(provider, Hosted)]


def _keys(providers: Sequence[object]) -> set[str]:
    return {provider.engine_key() for provider in _of(providers)}


async def _uses(recipe: Recipe, pool: Pool) -> tuple[EngineUse, ...]:
    names: dict[str, list[str]] = {}
    for provider in _of(recipe.providers()):
        names.setdefault(provider.engine_key(), []).append(provider.label)
    found = []
    for key, hosting in pool.hostings().items():
        done = await pool.served(key)
        found.append(
            EngineUse(
                tuple(dict.fromkeys(names[key])),
                hosting.loads,
                hosting.wakes,
                hosting.crashes,
                round(hosting.load_s, 3),
                done.prompt_tokens,
                done.cached_tokens,
                done.completion_tokens,
                hosting.pace.calls,
                round(hosting.pace.calls_s, 3),
                round(hosting.pace.busy_s, 3),
            )
        )
    return tuple(found)


def _summed(seen: Sequence[Snapshot]) -> Snapshot:
    """All passes as one: what an earlier pass sent, a later one found in the ledger."""
    last = seen[-1]
    seconds = sum(one.seconds for one in seen)
    stages = []
    for number, stage in enumerate(last.stages):
        each: list[StageProgress] = [one.stages[number] for one in seen]
        sent = sum(one.done - one.found for one in each)
        done = max(stage.done, sent)  # A pass that was stopped has not looked at everything.
        costs = [one.cost_usd for one in each if one.cost_usd is not None]
        stages.append(
            replace(
                stage,
                done=done,
                found=done - sent,
                per_second=sent / seconds if seconds > 0 else 0.0,
                cost_usd=sum(costs) if costs else None,
            )
        )
    return replace(last, stages=tuple(stages), seconds=seconds, cost_usd=sum(one.cost_usd for one in seen))
