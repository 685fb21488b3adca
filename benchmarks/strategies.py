"""The strategies that `judging.py` compares: what each adds to a recipe that judges given pairs.

Recipes of others, as they are known: JudgeLM (arXiv 2310.17631) takes one pairwise call with scores from 1 to 10, in a
drawn order, with the reference where there is one, and swaps answers only when it trains. Prometheus (arXiv 2310.08491)
grades each answer alone from 1 to 5 under a rubric and with a reference. UltraFeedback (arXiv 2310.01377) rates the
answers together, one call, from 1 to 5; here by distilabel's own `UltraFeedback` task (`ultrafeedback.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STRONG = "sim-teacher-strong"
CHEAP = tuple(f"sim-teacher-cheap-{number}" for number in (1, 2, 3))
UNITS: Mapping[str, float] = {STRONG: 10, **dict.fromkeys(CHEAP, 1)}
"""Cost of a call. A grade of one answer shows half as much text as a judgment of two, and costs half (`per_call`)."""
GENERATION = 8
"""Cost of the two answers of a pair."""
ONE, FULL = "one call", "both orders, averaged"
REMOVED = {
    "remove": ["position", "length"],
    "probes": {"share": 0.06, "first": 0, "kinds": ["identical", "padded", "swapped"]},
}


@dataclass(frozen=True)
class Strategy:
    """How pairs are judged."""

    protocol: str | Mapping[str, Any] | None
    """None for a judge of single answers."""
    teachers: Sequence[str] = (STRONG,)
    judge: str = "judgelm"
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the recipe."""
    reference: bool = False
    """Whether the tasks come with a reference answer."""
    per_call: float = 1.0
    """Share of a teacher's price that a call costs."""
    peer: bool = False
    """Judged by distilabel's own task."""


STRATEGIES: dict[str, Strategy] = {
    ONE: Strategy("one_order"),
    FULL: Strategy("both_orders"),
    "both orders, ties": Strategy({"protocol": "both_orders", "combine": "tie"}),
    "both orders, dropped": Strategy("both_orders", keys={"filters": ["order_inconsistent"]}),
    "offset corrected": Strategy("offset_corrected"),
    "adaptive swap": Strategy("adaptive_swap"),
    "expected score, one order": Strategy({"protocol": "expected_score", "orders": "one"}),
    "expected score, both orders": Strategy({"protocol": "expected_score", "orders": "both"}),
    "cheap, both orders": Strategy("both_orders", CHEAP[:1]),
    "jury of 3 cheap": Strategy("jury", CHEAP),
    "cascade": Strategy("cascade", (CHEAP[0], STRONG)),
    "one call, removed": Strategy("one_order", keys=REMOVED),
    "expected score, one order, removed": Strategy({"protocol": "expected_score", "orders": "one"}, keys=REMOVED),
    "jury of 3 cheap, removed": Strategy("jury", CHEAP, keys=REMOVED),
    "adaptive swap, removed": Strategy("adaptive_swap", keys=REMOVED),
    "reference first": Strategy({"protocol": "reference_first", "orders": "one"}),
    "JudgeLM's recipe, with reference": Strategy("one_order", reference=True),
    "adaptive swap, with reference": Strategy("adaptive_swap", reference=True),
    "Prometheus' recipe, with reference": Strategy(None, judge="prometheus_absolute", reference=True, per_call=0.5),
    "distilabel's UltraFeedback": Strategy(None, peer=True),
}
"""Name -> strategy; those "removed" take position and length bias off, measured on probes of the run."""
