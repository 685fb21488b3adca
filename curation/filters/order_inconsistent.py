"""Order-inconsistent verdicts: the winner changed when the answers changed places."""

from __future__ import annotations

from ...schemas.rows import Comparison, Judgment, Verdict
from . import VerdictFilter


class OrderInconsistent(VerdictFilter):
    """Drops verdicts whose two orders disagree on the winner.

    Calling a win only where both orders agree is the conservative way of Zheng et al. (arXiv 2306.05685); Nemotron-4
    340B keeps the pairs that pass it (arXiv 2406.11704). It selects for easy pairs: what is dropped is mostly what lies
    close together. Verdicts for which only one order was read are kept; `failed_judgments` drops those.
    """

    keep_ties: bool = False
    """Keep inconsistent verdicts that ended as ties, as `both_orders` with `combine: tie` makes them."""

    def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
        if verdict.consistent is not False or (self.keep_ties and verdict.winner == "tie"):
            return None
        return "the two orders disagree" + ("" if verdict.margin is None else f" (margin {verdict.margin:+g})")
