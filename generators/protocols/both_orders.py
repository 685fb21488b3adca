"""Both orders: every teacher is asked twice about a pair, the second time with the answers exchanged.

The mean of both orders cancels a constant position bias (Wang et al., arXiv 2305.17926). Making a tie of every
disagreement is the conservative way of Zheng et al. (arXiv 2306.05685) and throws away which answer was ahead on
average; hence `average` is the default. To drop such pairs instead, use the filter `order_inconsistent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...schemas.rows import Comparison
from . import Protocol, Run
from ._settling import BACKWARD, FORWARD, questions, settle


class BothOrders(Protocol):
    """Asks each teacher in both orders. A verdict whose orders disagree is flagged `order_inconsistent`.

    Where only one order could be read the verdict rests on that one, is flagged `one_order_failed`, and nothing is
    known of its consistency; the filter `failed_judgments` drops it.
    """

    combine: Literal["average", "tie"] = "average"
    """What the winner is where the orders disagree: the one ahead on average, or a tie (the margin is kept)."""

    @property
    def ties_where_inconsistent(self) -> bool:
        return self.combine == "tie"

    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        judgments = yield questions(comparison, teachers, references, (FORWARD, BACKWARD))
        return settle(
            comparison,
            judgments,
            protocol=self.plugin_name(),
            with_reference=references[0],
            tie_margin=self.tie_margin,
            ties_where_inconsistent=self.ties_where_inconsistent,
        )

    def calls(self, teachers: int, references: int) -> int:
        return 2 * teachers * references
