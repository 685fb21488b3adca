"""What can be reviewed in a run: its labelled pairs, and the pairs whose right answer its probes know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...curation.people import winners
from ...schemas.labels import PEOPLE, winner_at
from ...schemas.probe import Probe, ProbeKind
from ...schemas.rows import Comparison, Example, Judgment, Verdict, Winner
from ..examples import examples, judged
from ..rundir import RunDirectory
from ..selecting import flagged_comparisons
from .settings import Sizes

GOLD_KINDS: frozenset[ProbeKind] = frozenset({"refusal", "truncated"})
"""Probes of which nobody doubts which answer is worse: a refusal, and a copy that breaks off."""

Doubt = tuple[float, bool, float]
"""How sure the teachers are, least sure first: the probability that people agree (0.5 where none is known, or it is a
tie), whether orders and teachers agree, and the distance of the margin from 0."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A labelled pair."""

    comparison_id: str
    task_id: str
    doubt: Doubt
    slices: tuple[str, ...]
    """What it is an instance of: its task's category, its two models."""
    flagged: bool = False
    """Whether a filter would have people look at it, and none has decided it."""


def candidates(place: RunDirectory, of: Sizes) -> list[Candidate]:
    """The labelled pairs that are drawn from, in canonical order."""
    drawn_from: Iterable[Example] = examples(place)
    if of.of == "judged":
        drawn_from = (example for part in judged(place) for example in part)
    flagged = flagged_comparisons(place)
    return [found for example in drawn_from if (found := _candidate(example, flagged)) is not None]


def gold(place: RunDirectory) -> Iterator[tuple[Probe, Winner]]:
    """Probes with a right answer, and which it is."""
    for part in range(place.parts()):
        for probe in place.rows(Probe, part):
            if probe.kind in GOLD_KINDS and probe.altered is not None:
                yield probe, ("second" if probe.altered == 0 else "first")


def by_judgments(judgments: Iterable[Judgment]) -> Winner | None:
    """The winner of a gold pair by the mean of all that teachers said; None where nothing could be read."""
    gaps = [scores[0] - scores[1] for one in judgments if (scores := one.by_answer) is not None]
    return winner_at(sum(gaps) / len(gaps)) if gaps else None


def _candidate(example: Example, flagged: frozenset[str]) -> Candidate | None:
    comparison, verdict = example.comparison, example.verdict
    if comparison is None or verdict is None or verdict.winner is None or len(example.answers) != 2:
        return None
    return Candidate(
        comparison.id,
        comparison.task_id,
        _doubt(example, verdict),
        tuple(_slices(example, comparison)),
        flagged=comparison.id in flagged and PEOPLE not in verdict.flags,
    )


def _doubt(example: Example, verdict: Verdict) -> Doubt:
    one_mind = verdict.consistent is not False and len(set(winners(example.judgments).values())) < 2
    sure = 0.5 if verdict.confidence is None else verdict.confidence
    # A pair that people have decided is not in doubt, however far the teachers were from each other.
    return (1.0 if PEOPLE in verdict.flags else sure), one_mind, abs(verdict.final_margin or 0.0)


def _slices(example: Example, comparison: Comparison) -> Iterator[str]:
    if example.task.category is not None:
        yield f"category {example.task.category}"
    yield f"models {' and '.join(sorted(comparison.models))}"
