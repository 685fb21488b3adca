"""What single judgments say of pairs, as the measurement and removal of bias need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..schemas.probe import EQUAL, Probe, ProbeKind
from ..schemas.rows import Answer, Comparison, Judgment
from .nuisances import log_length, markdown, own_family, position, signature


@dataclass(frozen=True, slots=True)
class Reading:
    """What one judgment says of a pair. Advantages are the first answer's: 0 where neither has one."""

    comparison_id: str
    task_id: str
    teacher: str
    place: float
    """1 where the comparison's first answer was shown first, -1 where it was shown last."""
    margin: float
    """Score of the first answer minus the second's, on the judge's scale."""
    length: float
    """Log of the ratio of the first answer's length to the second's."""
    format: float = 0.0
    """Markdown of the first answer over the second's, -1..1 (`nuisances.py`)."""
    label: float = 0.0
    """1 where the first answer carries a maker's name and the second does not, -1 the other way."""
    own: float = 0.0
    """1 where the first answer is by the teacher's family and the second is not, -1 the other way."""
    kind: ProbeKind | None = None
    """What was done to one of the two; None for a pair as it came."""


def readings_of(
    comparison: Comparison, answers: Sequence[Answer], judgments: Iterable[Judgment], families: Mapping[str, str]
) -> list[Reading]:
    """One reading for each readable judgment of a pair, in the order given.

    `answers`: the two, in the comparison's order. `judgments` of other comparisons are passed over. `families`:
    teacher -> its family; without it, `own` is 0. Raises `ValueError` for more or fewer than two answers.
    """
    first, second = answers
    length, form, label = log_length(first, second), markdown(first, second), signature(first, second)
    return [
        Reading(
            comparison_id=comparison.id,
            task_id=comparison.task_id,
            teacher=judgment.teacher,
            place=position([judgment]),
            margin=scores[0] - scores[1],
            length=length,
            format=form,
            label=label,
            own=own_family(first, second, families.get(judgment.teacher)),
        )
        for judgment in judgments
        if judgment.comparison_id == comparison.id and (scores := judgment.weighed_by_answer) is not None
    ]


def probe_readings(probes: Iterable[Probe], families: Mapping[str, str]) -> list[Reading]:
    """The readings of probe pairs whose two answers say the same (`EQUAL`); other kinds are passed over.

    `swapped` ones are pairs as they came: `readings_of` reads them.
    """
    found = []
    for probe in probes:
        if probe.kind not in EQUAL:
            continue
        read = readings_of(probe.comparison, probe.answers, probe.judgments, families)
        if probe.kind == "relabelled" and probe.altered is not None:
            found += [replace(one, kind=probe.kind, label=1.0 - 2 * probe.altered) for one in read]
        else:
            found += [replace(one, kind=probe.kind) for one in read]
    return found
