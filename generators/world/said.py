"""What a reply is made of: plain text, and between it what could have come out otherwise: scores and verdicts.

A score is drawn around the teacher's unrounded opinion, a verdict by a logistic in the scores' differences, as models
with an opinion that wavers would give them; both are sharpest at what is said. `logprobs.py` shows this to a client
that asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

SPREAD = 0.7
"""Standard deviation of a score around the opinion, in grades of 1..10, and at least in whole scores of its scale."""
TEMPERATURE = 0.6
"""Grades of difference for which the odds of a verdict are e to 1: the logistic nearest to the difference of two scores
with `SPREAD`."""
_SUREST = 10.0
"""Logarithm of the greatest odds of a verdict: no model is so sure that nothing else is among its likeliest tokens."""


@dataclass(frozen=True, slots=True)
class Score:
    """A whole score on a scale, and the opinion that was rounded to it."""

    value: int
    opinion: float
    least: int
    most: int

    @property
    def text(self) -> str:
        """As it is written."""
        return str(self.value)

    def weights(self) -> Mapping[str, float]:
        """Each score that may come out, and the logarithm of its probability up to a constant."""
        spread = max(SPREAD, SPREAD * (self.most - self.least) / 9)
        reach = math.ceil(5 * spread)
        middle = max(self.least, min(self.most, round(self.opinion)))
        possible = range(max(self.least, middle - reach), min(self.most, middle + reach) + 1)
        return {str(score): -(((score - self.opinion) / spread) ** 2) / 2 for score in possible}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of several words, and how strong the teacher's opinion is for each."""

    text: str
    strengths: Mapping[str, float]
    """Each word that may come out, with its strength in grades."""

    def weights(self) -> Mapping[str, float]:
        """Each word that may come out, and the logarithm of its probability up to a constant."""
        best = max(self.strengths.values())
        return {word: max(-_SUREST, (strength - best) / TEMPERATURE) for word, strength in self.strengths.items()}


Said = tuple[str | Score | Verdict, ...]
"""A reply, piece by piece."""


def text_of(said: Said) -> str:
    """The reply as it is sent."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in said)
