"""A number between the ends of its 95 % interval; what it rests on is said once, by what holds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and the interval around it."""

    value: float
    low: float
    high: float
