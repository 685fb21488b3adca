"""Expected score: each score a teacher could have given, weighed by its probability.

Source: G-Eval (Liu et al., arXiv 2303.16634, section 2): the mean of the distribution over scores is finer than the one
score that was drawn, and ties vanish. Over judges, prompts and data sets it beats the mode (arXiv 2503.03064), and more
so where the scores come before the explanation: an explanation that stands first has settled them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ...schemas.rows import Comparison
from . import Protocol, Run
from ._settling import BACKWARD, FORWARD, questions, settle


class ExpectedScore(Protocol):
    """Asks each teacher for its token probabilities too, and settles on the expected scores.

    Where an endpoint gives no probabilities, the scores as they were said count, and the verdict is flagged
    `no_probabilities`. The teachers' own scores stay in the judgments, and formats publish those.
    """

    orders: Literal["both", "one"] = "both"
    """`both`: each in both orders, averaged; `one`: each in the comparison's own."""

    def run(self, comparison: Comparison, teachers: Sequence[str], references: Sequence[bool]) -> Run:
        orders = (FORWARD, BACKWARD) if self.orders == "both" else (FORWARD,)
        asks = questions(comparison, teachers, references, orders)
        judgments = yield [replace(ask, probabilities=True) for ask in asks]
        return settle(
            comparison,
            judgments,
            protocol=self.plugin_name(),
            with_reference=references[0],
            tie_margin=self.tie_margin,
            weighed=True,
        )

    def calls(self, teachers: int, references: int) -> int:
        return teachers * references * (2 if self.orders == "both" else 1)
