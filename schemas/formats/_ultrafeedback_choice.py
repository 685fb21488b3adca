"""Which judgment annotates a row of UltraFeedback: the first with all four aspects that agrees with the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import CannotCarry
from ..rows import Aspect, Example, Judgment, Verdict
from ..ultrafeedback_aspects import ASPECTS, LEAST, MOST, means


def annotated(example: Example) -> Mapping[str, Aspect]:
    """Criterion -> the aspect, with scores and feedback in the comparison's order.

    Raises `CannotCarry` as `UltraFeedbackFormat.encode` says; the reason is that of the first judgment that has all
    four aspects.
    """
    verdict = example.verdict
    if verdict is not None and verdict.failure is not None:
        raise CannotCarry("failed_verdict")
    refusals = []
    for judgment in example.judgments:
        aspects = in_order(judgment)
        if not set(ASPECTS) <= aspects.keys():
            continue
        refusal = _refusal([aspects[name] for name in ASPECTS], verdict)
        if refusal is None:
            return aspects
        refusals.append(refusal)
    raise CannotCarry(refusals[0] if refusals else "no_aspects")


def in_order(judgment: Judgment) -> dict[str, Aspect]:
    """The judgment's aspects by name, in the comparison's order."""
    places = [judgment.shown.index(answer) for answer in range(len(judgment.shown))]
    return {
        aspect.criterion: aspect.model_copy(
            update={
                "scores": tuple(aspect.scores[place] for place in places),
                "feedback": tuple(aspect.feedback[place] for place in places) if aspect.feedback else (),
            }
        )
        for aspect in judgment.aspects
    }


def _refusal(aspects: Sequence[Aspect], verdict: Verdict | None) -> str | None:
    ratings = [rating for aspect in aspects for rating in aspect.scores if rating is not None]
    if not all(rating == int(rating) and LEAST <= rating <= MOST for rating in ratings):
        return "rating_off_scale"
    scores = [mean for mean in means(aspects) if mean is not None]
    if len(scores) < len(aspects[0].scores):
        return "no_rating"
    return None if verdict is None or agrees(scores, verdict) else "ratings_contradict_verdict"


def agrees(scores: Sequence[float], verdict: Verdict) -> bool:
    """Whether the scores, in the comparison's order, have the verdict's winner; of more than two answers, its best."""
    best = {place for place, score in enumerate(scores) if score == max(scores)}
    if verdict.winner is not None:
        return best == {"first": {0}, "second": {1}, "tie": {0, 1}}[verdict.winner]
    return any(verdict.scores[place] == max(verdict.scores) for place in best)
