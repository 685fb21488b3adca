"""Reference first: a teacher answers the task itself, then judges with its own answer as the reference.

Source: MT-Bench's reference-guided judging (Zheng et al., arXiv 2306.05685, section 3.4): a judge that has to solve a
task before it sees other solutions is misled less by them (failures on mathematics 14/20 -> 3/20, table 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ...schemas.rows import Comparison
from . import OwnReference, Protocol, Run
from ._settling import BACKWARD, FORWARD, questions, settle


class ReferenceFirst(Protocol):
    """Asks each teacher for its own answer, once a task, and then about the pair, with that answer shown.

    A teacher whose answer failed, was refused or cut off has no reference, and so no judgment: all its judgments of
    that task are failures that say so.
    """

    orders: Literal["both", "one"] = "both"
    """`both`: each in both orders, averaged; `one`: each in the comparison's own."""
    replace: bool = False
    """Also put the teacher's own answer in the place of a reference that a task has already."""

    @property
    def own_reference(self) -> OwnReference:
        return "always" if self.replace else "where_missing"

    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        orders = (FORWARD, BACKWARD) if self.orders == "both" else (FORWARD,)
        asks = questions(comparison, teachers, references, orders)
        judgments = yield [
            replace(ask, own_reference=self.own_reference) if ask.with_reference else ask for ask in asks
        ]
        return settle(
            comparison,
            judgments,
            protocol=self.plugin_name(),
            with_reference=references[0],
            tie_margin=self.tie_margin,
        )

    def calls(self, teachers: int, references: int) -> int:
        return teachers * references * (2 if self.orders == "both" else 1)
