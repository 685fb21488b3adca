"""Protocols: which judgments to ask for, and what they add up to. Sans-I/O: a protocol is a generator.

It yields the questions it wants asked now, is sent their judgments in the same order, may ask further, and returns
the Verdict. Whether these are calls, replays or test data is not its business.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...schemas.plugins import Plugin
from ...schemas.rows import Comparison, Judgment, Verdict


@dataclass(frozen=True, slots=True)
class Ask:
    """One question for a teacher."""

    teacher: str
    shown: tuple[int, ...]
    """Indexes into the comparison's answers, in the order to show them."""
    with_reference: bool


Run = Generator[Sequence[Ask], Sequence[Judgment], Verdict]
"""Yields questions, is sent their judgments, returns the verdict."""


class Protocol(Plugin):
    """Base of all protocols."""

    kind: ClassVar[str] = "protocol"
    pairs_only: ClassVar[bool] = True
    """Whether it can only settle comparisons of two answers."""

    @abstractmethod
    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        """The conversation about one comparison.

        `references`: for each question about a pair, whether the reference is shown; every one is asked, and the
        first decides the verdict.
        """

    @abstractmethod
    def calls(self, teachers: int, references: int) -> int:
        """How many judgments one comparison asks for at most, for `prefmill check` and the waterfall."""
