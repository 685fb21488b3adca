"""Strengths of preferences as HelpSteer counts them, and votes of several people.

Source: the cards of the data sets `nvidia/HelpSteer2` ("Preferences") and `nvidia/HelpSteer3` ("Preference"): whole
numbers from -3 (response 1 is much better) over 0 (about the same) to 3 (response 2 is much better). The overall
strength is the mean of the three votes that are nearest to each other, rounded. A Review's strength and a Verdict's
margin have the other sign: positive favours the first answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import CannotCarry
from ..rows import Answer, Comparison, Example, Review, Task, Verdict, Winner
from ._lines import Line
from ._pair import Pair
from ._preferred import margin_of

MOST = 3


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's label."""

    strength: int | None
    """-3 to 3, positive where response 2 is better; None where the person cannot judge the pair."""
    comment: str = ""


def vote(review: Review, step: float, unstated: int | None) -> Vote:
    """A review as a vote; `step` is the reviewer's unit of strength, `unstated` the size of one that has none.

    Raises `CannotCarry`: `no_strength`, `strength_contradicts_winner`.
    """
    if review.winner is None:
        return Vote(None, review.comment)
    if review.strength is not None:
        return Vote(_steps(review.strength, review.winner, step), review.comment)
    if review.winner == "tie":
        return Vote(0, review.comment)
    if unstated is None:
        raise CannotCarry("no_strength")
    return Vote(-unstated if review.winner == "first" else unstated, review.comment)


def strength_of_verdict(pair: Pair, step: float) -> int:
    """A verdict's margin as a strength; `step` is how much of a margin makes a strength of 1.

    Raises `CannotCarry`: `no_verdict`, `failed_verdict`, `no_margin`, `margin_contradicts_winner`.
    """
    winner = pair.winner()
    return 0 if winner == "tie" else _towards(winner, margin_of(pair) / step)


def decided(votes: Iterable[Vote]) -> list[tuple[int, Vote]]:
    """Votes that say which response is better, or that both are the same, with their strengths."""
    return [(each.strength, each) for each in votes if each.strength is not None]


def most_similar(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """The three votes that are nearest to each other, in the order given; all where there are at most three.

    Of equally near ones those that are nearest to a tie, then those that come first: neither response is favoured.
    Raises `CannotCarry`: `no_winner` where nobody could judge.
    """
    known = decided(votes)
    if not known:
        raise CannotCarry("no_winner")
    order = sorted(range(len(known)), key=lambda place: known[place][0])
    threes = [sorted(order[start : start + 3]) for start in range(max(1, len(known) - 2))]

    def distance(three: list[int]) -> tuple[int, int, list[int]]:
        strengths = [known[place][0] for place in three]
        return max(strengths) - min(strengths), abs(sum(strengths)), three

    return tuple(known[place][1] for place in min(threes, key=distance))


def overall(votes: Sequence[Vote]) -> int:
    """The mean strength, rounded; halves away from 0, so that a half preference is no tie."""
    strengths = [strength for strength, _ in decided(votes)]
    return _rounded(sum(strengths) / len(strengths))


def strength_at(line: Line, key: str) -> int:
    """A strength. Raises `ValueError` where it is no whole number from -3 to 3."""
    strength = line.whole(key)
    if not -MOST <= strength <= MOST:
        raise line.wrong(key, f"expected -3 to 3 (got {strength})")
    return strength


def labelled(
    line: Line,
    index: int,
    task: Task,
    texts: tuple[str, str],
    *,
    strength: int,
    votes: Sequence[Vote],
    margin_step: float,
    strength_step: float,
) -> Example:
    """The Example of one row; a strength of 1 is `margin_step` in its verdict and `strength_step` in its reviews.

    Nobody is named in these sets: an annotator is called after file, line and place, which makes the people of one row
    differ and joins nobody across rows.
    """
    answers = tuple(
        Answer(task_id=task.id, model="unknown", sample=place, text=text, origin="recorded")
        for place, text in enumerate(texts)
    )
    comparison = Comparison(
        task_id=task.id,
        answer_ids=tuple(answer.id for answer in answers),
        models=tuple(answer.model for answer in answers),
    )
    reviews = tuple(
        Review(
            comparison_id=comparison.id,
            task_id=task.id,
            annotator=f"{line.file}:{line.number}#{number}",
            winner=None if each.strength is None else _winner(each.strength),
            strength=None if each.strength is None else _turned(each.strength, strength_step),
            comment=each.comment,
        )
        for number, each in enumerate(votes, start=1)
    )
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="people" if reviews else "unknown",
        judgment_ids=(),
        winner=_winner(strength),
        margin=_turned(strength, margin_step),
    )
    return Example(index=index, task=task, answers=answers, comparison=comparison, verdict=verdict, reviews=reviews)


def _steps(strength: float, winner: Winner, step: float) -> int:
    """A strength that is positive for the first answer, in whole steps of the other sign."""
    if (strength == 0) != (winner == "tie") or (strength > 0) != (winner == "first"):
        raise CannotCarry("strength_contradicts_winner")
    return 0 if winner == "tie" else _towards(winner, abs(strength) / step)


def _towards(winner: Winner, steps: float) -> int:
    """A strength of 1 to 3 in the winner's favour: who won by less than a step still won."""
    size = min(MOST, max(1, _rounded(steps)))
    return -size if winner == "first" else size


def _turned(strength: int, step: float) -> float:
    """A strength in units of `step`, positive for the first answer; without a negative zero for ties."""
    return 0.0 if strength == 0 else -strength * step


def _rounded(number: float) -> int:
    return int(math.copysign(math.floor(abs(number) + 0.5), number))


def _winner(strength: int) -> Winner:
    return "tie" if strength == 0 else "first" if strength < 0 else "second"
