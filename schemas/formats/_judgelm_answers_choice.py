"""Which judgments of several answers JudgeLM's files hold."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CannotCarry
from ..judgelm_prompt import HIGHEST, LOWEST
from ..rows import Example, Judgment, Verdict
from ._judgelm_choice import Choice


def choice_of(example: Example, answers: int) -> Choice:
    """The judgments of one order whose best answers are the verdict's; the comparison's own order, where there is one.

    Raises `CannotCarry`; see `judgelm_answers`.
    """
    if example.comparison is None:
        raise CannotCarry("no_comparison")
    if len(example.answers) != answers:
        raise CannotCarry("other_number_of_answers")
    if any(answer.text is None for answer in example.answers):
        raise CannotCarry("failed_answer")
    if example.verdict is None:
        raise CannotCarry("no_verdict")
    if example.verdict.failure is not None:
        raise CannotCarry("failed_verdict")
    wanted = _best_of(example.verdict)
    supporting = [one for one in example.judgments if one.by_answer is not None and _best(one.by_answer) == wanted]
    if not supporting:
        raise CannotCarry("no_judgment_supports_verdict")
    if not all(LOWEST <= score <= HIGHEST for judgment in supporting for score in judgment.scores or ()):
        raise CannotCarry("scores_outside_1_to_10")
    own = tuple(range(answers))
    shown = min((judgment.shown for judgment in supporting), key=lambda order: order != own)
    alike = [judgment for judgment in supporting if judgment.shown == shown]
    return Choice(shown, _first(alike, False), _first(alike, True))


def _best_of(verdict: Verdict) -> set[int]:
    if verdict.winner is None:
        return _best(verdict.scores)
    return {"first": {0}, "second": {1}, "tie": {0, 1}}[verdict.winner]


def _best(scores: Sequence[float]) -> set[int]:
    """Places of the highest score."""
    return {place for place, score in enumerate(scores) if score == max(scores)}


def _first(judgments: Sequence[Judgment], with_reference: bool) -> Judgment | None:
    return next((judgment for judgment in judgments if judgment.with_reference == with_reference), None)
