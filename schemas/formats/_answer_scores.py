"""What each answer of a comparison scored, over all judgments or grades that its verdict rests on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from ..errors import CannotCarry
from ..rows import Example, Judgment
from ..ultrafeedback_aspects import OVERALL, means
from ._ultrafeedback_choice import in_order

By = Literal["aspects", "overall"]
"""The mean of all ratings that apply, or the aspect `overall`."""


def answer_scores(example: Example, by: By) -> tuple[float, ...]:
    """The mean score of each answer, in the comparison's order.

    A judgment without aspects counts by its scores, and where there are no judgments the answers' grades count. Raises
    `CannotCarry`: `no_judgment` (nor a grade of every answer), `no_rating` (an answer to which no aspect applies) and
    `no_overall_score`.
    """
    used = example.verdict.judgment_ids if example.verdict else ()
    judgments = [judgment for judgment in example.judgments if judgment.id in used] or example.judgments
    if judgments:
        columns = list(zip(*(_scores(judgment, by) for judgment in judgments), strict=True))
        missing = "no_rating" if by == "aspects" else "no_overall_score"
    else:
        grades = [grade for grade in example.grades if grade.id in used] or example.grades
        columns = [tuple(grade.score for grade in grades if grade.answer_id == answer.id) for answer in example.answers]
        missing = "no_judgment"
    return tuple(_mean(column, missing) for column in columns)


def _scores(judgment: Judgment, by: By) -> tuple[float | None, ...]:
    if not judgment.aspects:
        return judgment.by_answer or ()
    aspects = in_order(judgment)
    if by == "aspects":
        return means(list(aspects.values()))
    if OVERALL not in aspects:
        raise CannotCarry("no_overall_score")
    return aspects[OVERALL].scores


def _mean(scores: Sequence[float | None], missing: str) -> float:
    given = [score for score in scores if score is not None]
    if not given:
        raise CannotCarry(missing)
    return round(fmean(given), 9)
