"""Listwise: any number of answers at once, in shuffled slots.

A teacher favours slots (Wang et al., arXiv 2305.17926), so each question shows the answers in another order, drawn by
hashing. UltraFeedback (arXiv 2310.01377, section 2.3) and JudgeLM's multi-answer judging ask once; further orders
average the favour out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import count
from math import factorial
from operator import add
from statistics import fmean
from typing import ClassVar

from pydantic import Field

from ...schemas.labels import margin_between, winner_at
from ...schemas.row import Failure, Usage, digest
from ...schemas.rows import Comparison, Judgment, Verdict
from . import Ask, Protocol, Run
from ._settling import reasons


class Listwise(Protocol):
    """Asks each teacher about all answers of a comparison, `orders` times, and averages each answer's scores.

    A score is the mean over teachers of each teacher's mean over its readable judgments.
    """

    pairs_only: ClassVar[bool] = False

    orders: int = Field(1, ge=1)
    """How many orders each teacher is shown: different ones, so fewer where there are not so many; drawn from the
    comparison's content, so the same in every run."""

    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        judgments = yield [
            Ask(teacher, shown, reference)
            for reference in references
            for teacher in teachers
            for shown in shuffles(comparison, self.orders)
        ]
        return _settle(comparison, judgments, references[0], self.tie_margin)

    def calls(self, teachers: int, references: int) -> int:
        return teachers * references * self.orders


def shuffles(comparison: Comparison, orders: int) -> list[tuple[int, ...]]:
    """So many different orders of a comparison's answers, or all there are; the first is drawn at random, too.

    One more order leaves those before it as they are.
    """
    different: dict[tuple[int, ...], None] = {}
    wanted = min(orders, factorial(len(comparison.answer_ids)))
    for number in count():
        different[_shuffled(comparison, number)] = None
        if len(different) == wanted:
            break
    return list(different)


def _shuffled(comparison: Comparison, number: int) -> tuple[int, ...]:
    slots = range(len(comparison.answer_ids))
    return tuple(sorted(slots, key=lambda slot: digest("slots", comparison.id, number, slot)))


def _settle(comparison: Comparison, judgments: Sequence[Judgment], with_reference: bool, tie_margin: float) -> Verdict:
    deciding = [judgment for judgment in judgments if judgment.with_reference == with_reference]
    readable = [judgment for judgment in deciding if judgment.scores is not None]
    usage = reduce(add, (judgment.usage for judgment in judgments), Usage())
    common = {"comparison_id": comparison.id, "task_id": comparison.task_id, "protocol": "listwise", "usage": usage}
    if not readable:
        failure = Failure(kind="no_judgment", message=reasons(deciding))
        return Verdict.model_validate({**common, "judgment_ids": (), "failure": failure})
    by_teacher: dict[str, list[tuple[float, ...]]] = {}
    for judgment in readable:
        by_teacher.setdefault(judgment.teacher, []).append(judgment.by_answer or ())
    scores = tuple(round(score, 9) + 0.0 for score in _means([_means(some) for some in by_teacher.values()]))
    common["judgment_ids"] = tuple(judgment.id for judgment in readable)
    common["flags"] = ("asked_again",) if any(judgment.sample for judgment in readable) else ()
    if len(scores) != 2:
        return Verdict.model_validate({**common, "scores": scores})
    margin = margin_between(scores)
    winner = winner_at(margin, tie_margin)
    return Verdict.model_validate({**common, "winner": winner, "margin": margin})


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each column."""
    return [fmean(column) for column in zip(*rows, strict=True)]
