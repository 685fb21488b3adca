"""How far the teachers agree with people: read off the audit, and off nothing else (`curation/error_rate/`).

An audit that is not done is read as the smaller one that is: of the order in which its pairs were drawn, the first
ones up to the first that nobody has said anything about. They are a uniform sample whatever is easy or hard.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from ...curation.agreement.estimate import Estimate
from ...curation.error_rate.reading import error_rate
from ...curation.error_rate.sample import Drawn, Sample, picked
from ...curation.labels import without_bias
from ...generators.protocols import Protocol
from ...schemas.labels import PEOPLE, PeopleSay
from ...schemas.rows import Verdict, Winner
from ..rundir import RunDirectory
from .store import Planned


def audit_of(rows: Sequence[Planned], reviewed: Container[str]) -> Sample:
    """The sample by which the teachers are measured, as far as it is done; a picked one where none was drawn.

    `reviewed`: comparisons that somebody has reviewed for this run.
    """
    drawn = [Drawn(row.comparison_id, row.task_id, row.probability) for row in rows if row.stratum == "audit"]
    if not drawn:
        return picked([], "their doubt and their slice, without an audit")
    done = next((place for place, row in enumerate(drawn) if row.row_id not in reviewed), len(drawn))
    population = round(len(drawn) / (drawn[0].probability or 1.0))
    if done == 0:
        return Sample(tuple(drawn), "uniform", {"": population}, f"{len(drawn)} of {population} at random")
    kept = tuple(replace(row, probability=done / population) for row in drawn[:done])
    how = f"the first {done} of {len(drawn)} drawn of {population} at random"
    return Sample(kept, "uniform", {"": population}, how)


def agreement(sample: Sample, teachers: Mapping[str, Winner], reviewed: Container[str], say: PeopleSay) -> Estimate:
    """The share of labels that would be as people say: of the pairs that they decide.

    `reviewed`: comparisons that somebody has reviewed for this run.

    Raises `NotASample` without an audit, `Undefined` before its first pair was reviewed.
    """
    wrong: dict[str, bool | None] = {}
    for row in sample.rows:
        if row.row_id in reviewed:
            said = say[row.row_id]
            wrong[row.row_id] = None if said is None else teachers.get(row.row_id) != said
    error = error_rate(sample, wrong)
    return replace(
        error, value=1 - error.value, low=1 - error.high, high=1 - error.low, method=f"{error.method}; {sample.how}"
    )


def teachers_winners(place: RunDirectory, protocol: Protocol) -> dict[str, Winner]:
    """Comparison -> the winner that would be published if people had said nothing."""
    found: dict[str, Winner] = {}
    for part in range(place.parts()):
        labels = {label.comparison_id: label for label in place.labels(part)}
        for verdict in place.rows(Verdict, part):
            label = labels.get(verdict.comparison_id, verdict)
            winner = _own(verdict, label, protocol) if PEOPLE in label.flags else label.winner
            if winner is not None:
                found[verdict.comparison_id] = winner
    return found


def _own(verdict: Verdict, label: Verdict, protocol: Protocol) -> Winner | None:
    """The teachers' winner of a pair that people have decided since."""
    if label.debiased is None:
        return verdict.winner
    tied = protocol.ties_where_inconsistent and verdict.consistent is False
    return without_bias(verdict, label.debiased, protocol.tie_margin, tied=tied).winner
