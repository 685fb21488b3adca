"""What people's reviews of a pair add up to: the winner that more than half of them name, or the likelier one.

`majority` takes everybody for as good as everybody else. `dawid_skene` (Applied Statistics 28(1), 1979; see
`agreement/dawid_skene.py`) reads off all reviews of a run how often each person errs, and a pair's winner is the label
that has more than half of the probability: where two people disagree, the better one is believed.

A comparison's order is drawn at random, so that nobody can err more towards first answers than towards second ones.
Each review is therefore entered twice, as it is and with the answers exchanged: that halves what there is to learn.

Two people's disagreements do not tell which of them errs: their one agreement stands for two unknown shares of errors.
Three people's agreements with each other stand for three. So somebody's own errors are known who has enough pairs in
common with others, and these with further ones, among whom are such three. All who are not count alike, as one person
who says several things; where there are no such three, the majority decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from ..schemas.labels import PeopleSay, majority
from ..schemas.rows import Review, Winner

Merge = Literal["majority", "dawid_skene"]
"""How several people's reviews of a pair become one label."""

OVERLAP = 20
"""Pairs that two people have to have decided both, for their agreement to tell anything. Measured on simulated reviews,
two of each pair by three people who are right in 95, 90 and 60 of 100 cases: what the majority leaves open is decided
rightly in 66 % of the cases with 5 pairs in common, 73 % with 10, 80 % with 20, 84 % with 40 and 85 % with 133."""
SMOOTHING = 0.5
"""Reviews of each kind that are added to those of a person, so that nobody is taken to be never wrong."""
_EXCHANGED: dict[Winner, Winner] = {"first": "second", "second": "first", "tie": "tie"}
_CERTAIN = 1e-6
"""What a probability has to be above one half by: two people who are as good as each other decide nothing."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What people say of the pairs of a run, all of their reviews of each taken together."""

    by: Merge
    """How it was found."""
    say: PeopleSay
    """Every pair with a review; None where they do not decide it."""
    why: str = ""
    """Why it was found so and not as was asked."""
    right: Mapping[str, float] = field(default_factory=dict)
    """Annotator -> how often they are right, by the model, of those whose errors are known."""


def merged(reviews: Mapping[str, Sequence[Review]], merge: Merge) -> Merged:
    """What the reviews add up to. `reviews`: comparison -> all that people said of it; the order does not matter."""
    if merge == "majority":
        return Merged("majority", _majorities(reviews))
    known = _known(reviews)
    if not known:
        why = f"no three people of whom each two have decided {OVERLAP} of the same pairs, which the model needs"
        return Merged("majority", _majorities(reviews), why)
    return _likelier(reviews, known)


def _majorities(reviews: Mapping[str, Sequence[Review]]) -> PeopleSay:
    return {comparison: majority(some) for comparison, some in reviews.items()}


def _known(reviews: Mapping[str, Sequence[Review]]) -> set[str]:
    """The annotators whose errors the reviews determine."""
    met: Counter[tuple[str, str]] = Counter()
    for some in reviews.values():
        met.update(combinations(sorted({review.annotator for review in some if review.winner is not None}), 2))
    beside: dict[str, set[str]] = {}
    for (one, other), pairs in met.items():
        if pairs >= OVERLAP:
            beside.setdefault(one, set()).add(other)
            beside.setdefault(other, set()).add(one)
    three = {name for name, others in beside.items() if any(beside[other] & others for other in others)}
    known, left = set(three), list(three)
    while left:
        found = beside[left.pop()] - known
        known |= found
        left += found
    return known


def _likelier(reviews: Mapping[str, Sequence[Review]], known: set[str]) -> Merged:
    from .agreement.dawid_skene import Vote, dawid_skene

    said = sorted(
        (comparison, review.annotator, review.winner)
        for comparison, some in reviews.items()
        for review in some
        if review.winner is not None
    )
    votes = [
        Vote(item, f"known {name}" if name in known else "others", label)
        for comparison, name, winner in said
        for item, label in ((f"as it is {comparison}", winner), (f"exchanged {comparison}", _EXCHANGED[winner]))
    ]
    fit = dawid_skene(votes, smoothing=SMOOTHING)
    winners: dict[str, Winner] = {label: label for label in _EXCHANGED}
    say: dict[str, Winner | None] = dict.fromkeys(reviews)
    for comparison in {comparison for comparison, _, _ in said}:
        shares = dict(zip(fit.labels, fit.posterior[f"as it is {comparison}"], strict=True))
        likeliest = max(shares, key=lambda label: shares[label])
        if shares[likeliest] > 0.5 + _CERTAIN:
            say[comparison] = winners[likeliest]
    right = {
        name: sum(share * fit.confusion[f"known {name}"][place][place] for place, share in enumerate(fit.prior))
        for name in sorted(known)
    }
    return Merged("dawid_skene", say, right=right)
