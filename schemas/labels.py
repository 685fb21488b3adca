"""The label of a pair that a judge is held against: what people say, or else the verdict that came with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .rows import Example, Review, Winner

LabelledBy = Literal["people", "verdict"]
"""Whose label it is: that of people who judged the pair, or of the verdict that its file carries."""

PEOPLE = "people"
"""Flag of a verdict whose winner people decided."""

PeopleSay = Mapping[str, Winner | None]
"""Comparison -> the winner that its reviews add up to, for every comparison with one; None where they do not decide.
`curation/merging.py` makes it for a run; where nothing else is said, people say what their majority says."""

Unlabelled = Literal[
    "no_comparison",  # a graded answer
    "more_than_two_answers",
    "no_label",  # nobody has judged it
    "failed_verdict",  # the verdict says only that there is none
    "no_majority",  # people have judged it, and no answer has more than half of the votes (or of the probability)
    "nobody_could_judge",  # people have looked at it, and none of them decided
]
"""Why a row has no label."""


@dataclass(frozen=True, slots=True)
class Label:
    """Who won a pair."""

    winner: Winner
    """In the comparison's order."""
    by: LabelledBy


def people_say(example: Example, say: PeopleSay | None = None) -> Winner | None:
    """The winner that people name: as `say` has it, or by their majority. None where none of them has judged it."""
    if example.comparison is None or not example.reviews:
        return None
    return majority(example.reviews) if say is None else say[example.comparison.id]


def label_of(example: Example, say: PeopleSay | None = None) -> Label | Unlabelled:
    """The people's winner where people have judged the pair, else that of its verdict; or why there is none.

    A verdict does not stand in where people disagree: the pair is one that they cannot decide.
    """
    if example.comparison is None:
        return "no_comparison"
    if len(example.answers) != 2:
        return "more_than_two_answers"
    if example.reviews:
        if (winner := people_say(example, say)) is not None:
            return Label(winner, "people")
        undecided = all(review.winner is None for review in example.reviews)
        return "nobody_could_judge" if undecided else "no_majority"
    if example.verdict is None:
        return "no_label"
    return "failed_verdict" if example.verdict.winner is None else Label(example.verdict.winner, "verdict")


def majority(reviews: Iterable[Review]) -> Winner | None:
    """What more than half of the people who decided chose; None where there is no such winner."""
    votes = Counter(review.winner for review in reviews if review.winner is not None)
    winner, most = votes.most_common(1)[0] if votes else (None, 0)
    return winner if 2 * most > votes.total() else None


def margin_between(scores: Sequence[float]) -> float:
    """The first score minus the second, to nine digits: scores of 8.2 and 7.2 are 1 apart."""
    # Adding 0 turns -0.0 into 0.0.
    return round(scores[0] - scores[1], 9) + 0.0


def winner_at(margin: float, tie_margin: float = 0.0) -> Winner:
    """The winner that a margin says: positive favours the first; |margin| <= `tie_margin` is a tie."""
    if abs(margin) <= tie_margin:
        return "tie"
    return "first" if margin > 0 else "second"
