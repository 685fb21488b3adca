"""How many of some rows a share of them is."""

from __future__ import annotations

from fractions import Fraction
from math import ceil


def at_least(share: float, count: int) -> int:
    """The fewest of `count` rows that are `share` (0..1) of them or more.

    The share is taken as it is written: as a binary number 0.07 is a little more, and 0.07 of 100 would be 8.
    """
    return ceil(Fraction(repr(share)) * count)
