"""What single judgments say of pairs, as the measurement and removal of bias need it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..schemas.rows import Example
from .nuisances import log_length, position


@dataclass(frozen=True, slots=True)
class Reading:
    """What one judgment says of a pair."""

    comparison_id: str
    task_id: str
    teacher: str
    place: float
    """1 where the comparison's first answer was shown first, -1 where it was shown last."""
    margin: float
    """Score of the first answer minus the second's, on the judge's scale."""
    length: float
    """Log of the ratio of the first answer's length to the second's."""


def readings(examples: Iterable[Example]) -> list[Reading]:
    """One reading for each readable judgment that the verdict on a pair rests on."""
    found = []
    for example in examples:
        if example.comparison is None or example.verdict is None or len(example.answers) != 2:
            continue
        length = log_length(*example.answers)
        for judgment in example.judgments:
            scores = judgment.by_answer
            if scores is not None and judgment.id in example.verdict.judgment_ids:
                found.append(
                    Reading(
                        comparison_id=example.comparison.id,
                        task_id=example.task.id,
                        teacher=judgment.teacher,
                        place=position([judgment]),
                        margin=scores[0] - scores[1],
                        length=length,
                    )
                )
    return found
