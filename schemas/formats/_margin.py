"""The margin of a pair of scores that a file holds."""

from __future__ import annotations

from collections.abc import Sequence


def margin_between(scores: Sequence[float]) -> float:
    """The first score minus the second, rounded to nine digits as a run's margins are: 8.2 and 7.2 are 1 apart."""
    # Adding 0 turns -0.0 into 0.0.
    return round(scores[0] - scores[1], 9) + 0.0
