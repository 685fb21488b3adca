"""A finding in a text: what it is and where, but not what it says. What is found must not be found again in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    start: int
    """Number of its first character, from 0."""
    end: int
    """Number of the character behind it."""

    def told(self, kind: str) -> str:
        """One line that does not repeat it."""
        return f"{kind}: {self.end - self.start} characters from character {self.start + 1}"


Finder = Callable[[str], Iterator[Place]]
"""Gives each place of a text where one kind of thing stands, in order."""
