"""How the answers to one task stand to each other by the pairs of them that were judged.

The standings are those whose differences are nearest to the pairs' margins, by least squares: on all pairs of a task
these are an answer's mean margins (Jiang, Lim, Yao and Ye, Statistical ranking and combinatorial Hodge theory,
Mathematical Programming 127, 2011, section 4). Unlike sums they do not favour the answer that was compared more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..schemas.rows import Comparison, Verdict

_SIGN = {"first": 1.0, "second": -1.0, "tie": 0.0}


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair of answers and by how much the first is better, on the judge's scale."""

    key: str
    """The verdict's id."""
    first: str
    second: str
    """Ids of the answers."""
    margin: float

    @property
    def winner(self) -> str | None:
        """The better answer; None for a tie."""
        return None if self.margin == 0 else self.first if self.margin > 0 else self.second


def judged(comparison: Comparison, verdict: Verdict) -> Judged | None:
    """The pair of a verdict; None where there is no winner, nor a tie, of two answers.

    Where people decided otherwise than the teachers, whose margin it is, or nobody gave one, the winner is ahead by 1.
    """
    if verdict.winner is None or len(comparison.answer_ids) != 2:
        return None
    margin, sign = verdict.final_margin or 0.0, _SIGN[verdict.winner]
    first, second = comparison.answer_ids
    return Judged(verdict.id, first, second, margin if np.sign(margin) == sign else sign)


def standings(pairs: Sequence[Judged]) -> dict[str, float]:
    """Answer -> where it stands, on the judge's scale; answers that no chain of pairs connects are not comparable."""
    answers = list(dict.fromkeys(answer for pair in pairs for answer in (pair.first, pair.second)))
    places = {answer: place for place, answer in enumerate(answers)}
    differences = np.zeros((len(pairs), len(answers)))
    for row, pair in enumerate(pairs):
        differences[row, places[pair.first]], differences[row, places[pair.second]] = 1, -1
    found = np.linalg.lstsq(differences, np.array([pair.margin for pair in pairs]), rcond=None)[0]
    # Equal standings must not differ by the last bit.
    return {answer: round(float(found[place]), 9) for answer, place in places.items()}
