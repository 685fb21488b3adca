"""One order: every teacher is asked once about a pair, in the comparison's own order.

That order is drawn at random from the run's seed and recorded (`comparisons.py`), so position bias does not favour one
model over a data set; it stays in every single row. Half the calls of `both_orders`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...schemas.rows import Comparison
from . import Protocol, Run
from ._settling import FORWARD, questions, settle


class OneOrder(Protocol):
    """Asks each teacher once, in the comparison's own order; with several teachers their margins are averaged."""

    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        judgments = yield questions(comparison, teachers, references, (FORWARD,))
        return settle(
            comparison,
            judgments,
            protocol=self.plugin_name(),
            with_reference=references[0],
            tie_margin=self.tie_margin,
        )

    def calls(self, teachers: int, references: int) -> int:
        return teachers * references
