"""What a run's judgments say of its teachers and of the answering models: one walk through all that was compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..curation.bias import Bias, measure
from ..curation.bias_report import report
from ..curation.matches import matches_of
from ..curation.ranking import rank, ranking_plain
from ..curation.readings import Reading, probe_readings, readings_of
from ..generators.protocols import Piloted, Protocol
from ..schemas.errors import UserError
from ..schemas.probe import Probe
from ..schemas.rows import Example
from .examples import judged
from .recipe import Recipe
from .rundir import RunDirectory


@dataclass(frozen=True)
class Measured:
    """What one walk found."""

    families: Mapping[str, str]
    """Teacher -> its family, of those that have one."""
    teachers: frozenset[str]
    """Those on whose judgments a verdict rests."""
    biases: Mapping[str, Bias]
    bias: dict[str, Any] | None
    """For the manifest; None where more than two answers meet."""
    ranking: dict[str, Any]
    """For the manifest: by the teachers' own verdicts, before filters."""
    reviewed: tuple[Example, ...]
    """Those that people have reviewed."""


def measured(place: RunDirectory, recipe: Recipe, protocol: Protocol) -> Measured:
    """Measure a run whose parts are complete."""
    families = {one.label: one.family for one in recipe.judge.teachers if one.family}
    unselected: list[Reading] = []
    reviewed: list[Example] = []
    used: set[str] = set()

    def walk() -> Iterable[Example]:
        for part in judged(place):
            for example in part:
                if protocol.pairs_only:
                    used.update(_teachers(example))
                    unselected.extend(pair_readings(_unselected(example, protocol, recipe), families))
                if example.reviews:
                    reviewed.append(example)
                yield example

    ranking = ranked(walk())
    biases: Mapping[str, Bias] = {}
    bias = None
    if protocol.pairs_only:
        probes = [probe for part in range(place.parts()) for probe in place.rows(Probe, part)]
        equal = probe_readings(probes, families)
        real = [*unselected, *_swapped(probes, families)]
        bias = report(real, equal, probes, teachers=[one.label for one in recipe.judge.teachers])
        biases = measure(real, equal)
    return Measured(families, frozenset(used), biases, bias, ranking, tuple(reviewed))


def ranked(examples: Iterable[Example]) -> dict[str, Any]:
    """The answering models by their verdicts, or why they cannot be ranked, for the manifest; reads all of them."""
    # The verdicts are walked through whatever becomes of the ranking: `matches_of` reads all before it ranks.
    matches = matches_of(examples)
    try:
        return ranking_plain(rank(matches))
    except UserError as why:
        return {"undefined": str(why)}


def pair_readings(example: Example, families: Mapping[str, str]) -> list[Reading]:
    """What the judgments say that the verdict on a pair rests on."""
    verdict, comparison = example.verdict, example.comparison
    if verdict is None or comparison is None or len(example.answers) != 2:
        return []
    used = [judgment for judgment in example.judgments if judgment.id in verdict.judgment_ids]
    return readings_of(comparison, example.answers, used, families)


def _teachers(example: Example) -> set[str]:
    """Those on whose judgments the verdict rests."""
    rests_on = example.verdict.judgment_ids if example.verdict else ()
    return {judgment.teacher for judgment in example.judgments if judgment.id in rests_on}


def _unselected(example: Example, protocol: Protocol, recipe: Recipe) -> Example:
    """The example with those judgments only that were asked for whatever had been heard.

    A protocol that asks further only about close pairs would make every teacher look as if it were never sure.
    """
    comparison = example.comparison
    if comparison is None or not isinstance(protocol, Piloted):
        return example
    if example.index < protocol.pilot and protocol.teaches(comparison):
        return example
    teachers = {one.label: one.family for one in recipe.judge.teachers}
    panel = protocol.panel(teachers, {answer.family for answer in example.answers if answer.family})
    always = {(ask.teacher, ask.shown) for ask in protocol.opening(comparison, panel, (False,))}
    kept = tuple(one for one in example.judgments if (one.teacher, one.shown) in always)
    return example.model_copy(update={"judgments": kept})


def _swapped(probes: Sequence[Probe], families: Mapping[str, str]) -> list[Reading]:
    """Ordinary pairs that were asked in both orders whatever was heard."""
    return [
        reading
        for probe in probes
        if probe.kind == "swapped"
        for reading in readings_of(probe.comparison, probe.answers, probe.judgments, families)
    ]
