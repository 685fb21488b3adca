"""Jury: several teachers of different families, their margins averaged (Verga et al., arXiv 2404.18796).

A jury is worth fewer votes than it has members, since teachers err alike (arXiv 2506.07962); the pilot measures how
many, and the run's manifest says it. A teacher favours answers of its own family (Panickssery et al., arXiv 2404.13076)
and is not asked about them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from ...schemas.rows import Comparison, Judgment
from ..learned import Learned
from . import Ask, Piloted, Run
from ._settling import BACKWARD, FORWARD, corrected, questions


class Jury(Piloted):
    """Asks every teacher that is of neither answer's family, or all where none is left.

    With `orders: one` a teacher whose position offset is unknown is asked in both, and the verdict is flagged
    `offset_unknown`.
    """

    orders: Literal["both", "one"] = "both"
    """`both`: each in both orders; `one`: each in the comparison's own, less its position offset from the pilot."""
    own_family: bool = False
    """Also ask teachers about answers by models of their own family."""

    def panel(self, teachers: Mapping[str, str | None], families: Collection[str]) -> tuple[str, ...]:
        others = tuple(teacher for teacher, family in teachers.items() if family is None or family not in families)
        return tuple(teachers) if self.own_family or not others else others

    def opening(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> list[Ask]:
        orders = (FORWARD, BACKWARD) if self.orders == "both" else (FORWARD,)
        return questions(comparison, teachers, references, orders)

    def continued(
        self,
        comparison: Comparison,
        teachers: Sequence[str],
        references: Sequence[bool],
        heard: Sequence[Judgment],
        learned: Learned | None,
    ) -> Run:
        once = teachers if self.orders == "one" else ()
        return corrected(self, comparison, references, heard, learned, once=once, tie_margin=self.tie_margin)

    def expected(self, teacher: int, teachers: int, references: int) -> float:
        return references * (2 if self.orders == "both" else 1)
