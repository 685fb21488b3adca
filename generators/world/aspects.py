"""A teacher's score of one answer under one criterion: its opinion of the answer, and a little that is the criterion's.

UltraFeedback's aspects agree in the main and differ by a step now and then, so they are neither copies of each other
nor independent.
"""

from __future__ import annotations

from .forms import Asked
from .said import Score

_SPREAD = 0.7
"""Standard deviation of what a criterion adds, in grades of 1..10; to an opinion that is a mere ranking, nothing."""


def aspect_score(asked: Asked, criterion: str, slot: int, least: int, most: int) -> Score:
    """A whole score from `least` to `most` of the answer shown in `slot`."""
    (own,) = (0.0,) if asked.opinion.flat else asked.chance.normals(1, "aspect", criterion, asked.call, slot)
    return asked.on_scale(asked.opinion.scores[slot] + _SPREAD * own, least, most)
