"""What a judge's replies about labelled pairs come to: JudgeLM's measures and a few more, each with its interval.

A block is what one judge said in one reference mode about pairs with one kind of label: agreement with people is
correctness, agreement with another judge's verdict is fidelity to that judge, and the two are not mixed. A pair whose
reply could not be read is in no number but `unreadable`; it is never a tie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_args

from ..curation.agreement.cohen import cohen_kappa
from ..curation.agreement.estimate import Estimate, Undefined
from ..curation.agreement.judge_metrics import Judged, JudgeMetrics, judge_metrics, judged, winner_of
from ..curation.agreement.share import share
from ..schemas.labels import Label, LabelledBy
from ..schemas.row import UNREAD
from ..schemas.rows import Judgment, Winner

T = TypeVar("T")

Measured = Estimate | Undefined
"""A number, or why there is none."""

_FORWARD, _BACKWARD = (0, 1), (1, 0)
_OTHER: dict[Winner, Winner] = {"first": "second", "second": "first", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class Gold:
    """The label of a pair, and the group that the pair stands or falls with."""

    label: Label
    task: str
    """Hash of the question: several pairs about one question are not independent."""


@dataclass(frozen=True, slots=True)
class Block:
    """A judge against labels of one kind, in one reference mode."""

    judge: str
    """The name of the model."""
    with_reference: bool
    labels: LabelledBy
    pairs: int
    """Pairs that it was asked about."""
    measures: Mapping[str, Measured]
    """Against the labels, by name, in the order in which they are told; of the first order but for the last two."""
    orders: Mapping[str, Measured]
    """What the order of the answers does; over the pairs that were read in both."""
    unreadable: Measured
    """Share of the replies, in both orders, that could not be read."""
    failures: Mapping[str, int]
    """Kind of failure -> questions without a readable reply."""
    left_out: Mapping[str, int]
    """Why -> pairs that are in none of `measures`, or in none of `orders`."""
    confusion: Mapping[Winner, Mapping[Winner, int]]
    """Label -> verdict in the first order -> pairs."""

    @property
    def measured(self) -> int:
        """Pairs with a verdict in the first order."""
        return sum(sum(row.values()) for row in self.confusion.values())

    def as_plain(self) -> dict[str, Any]:
        """The block as JSON values; a number that is not defined is `{"undefined": why}`."""
        return {
            "judge": self.judge,
            "with_reference": self.with_reference,
            "labels": self.labels,
            "pairs": self.pairs,
            "measured": self.measured,
            "measures": {name: _plain(value) for name, value in self.measures.items()},
            "orders": {name: _plain(value) for name, value in self.orders.items()},
            "unreadable": _plain(self.unreadable),
            "failures": dict(self.failures),
            "left_out": dict(self.left_out),
            "confusion": {gold: dict(row) for gold, row in self.confusion.items()},
        }


def blocks(judgments: Iterable[Judgment], gold: Mapping[str, Gold], *, tie: float = 0.0) -> list[Block]:
    """The blocks of all judges. `gold`: comparison id -> label; scores that differ by no more than `tie` are a tie.

    Blocks come in the order in which judges were asked, without the reference before with it, people's labels first.
    """
    found: dict[tuple[str, bool, LabelledBy], list[Judgment]] = {}
    for judgment in judgments:
        if judgment.comparison_id in gold:
            by = gold[judgment.comparison_id].label.by
            found.setdefault((judgment.teacher, judgment.with_reference, by), []).append(judgment)
    judges = list(dict.fromkeys(judge for judge, _, _ in found))
    order = sorted(found, key=lambda key: (judges.index(key[0]), *key[1:]))
    return [_block(key, found[key], gold, tie) for key in order]


def _block(key: tuple[str, bool, LabelledBy], asked: Sequence[Judgment], gold: Mapping[str, Gold], tie: float) -> Block:
    judge, with_reference, by = key
    pairs = {judgment.comparison_id for judgment in asked}
    task_of = {judgment.task_id: gold[judgment.comparison_id].task for judgment in asked}
    labels = {comparison: gold[comparison].label.winner for comparison in pairs}
    rows = [replace(row, task_id=task_of[row.task_id]) for row in judged(asked, labels, tie=tie)]
    both = sum(row.backward is not None for row in rows)
    came = [one for one in asked if one.failure is None or one.failure.kind in UNREAD]
    metrics = _told(lambda: judge_metrics(rows))
    return Block(
        judge=judge,
        with_reference=with_reference,
        labels=by,
        pairs=len(pairs),
        measures=_measures(metrics, rows) | _averaged(asked, gold, tie),
        orders=_orders(metrics),
        unreadable=_told(
            lambda: share([one.failure is not None for one in came], [task_of[one.task_id] for one in came])
        ),
        failures=dict(Counter(one.failure.kind for one in asked if one.failure is not None).most_common()),
        left_out={
            why: count
            for why, count in (
                ("first_order_not_read", len(pairs) - len(rows)),
                ("other_order_not_read", len(rows) - both),
            )
            if count
        },
        confusion={
            label: {won: sum((row.gold, row.forward) == (label, won) for row in rows) for won in get_args(Winner)}
            for label in get_args(Winner)
        },
    )


def _measures(metrics: JudgeMetrics | Undefined, rows: Sequence[Judged]) -> dict[str, Measured]:
    """The verdicts of the first order against the labels, and those of the other order."""
    decided = [row for row in rows if "tie" not in (row.gold, row.forward)]
    other = [(row.gold == _OTHER[row.backward], row.task_id) for row in rows if row.backward is not None]
    tasks = [row.task_id for row in rows]
    return {
        "agreement": metrics if isinstance(metrics, Undefined) else metrics.agreement,
        "agreement_without_ties": _told(
            lambda: share([row.gold == row.forward for row in decided], [row.task_id for row in decided])
        ),
        "kappa": _told(lambda: cohen_kappa([row.gold for row in rows], [row.forward for row in rows], tasks)),
        "precision": metrics if isinstance(metrics, Undefined) else metrics.precision,
        "recall": metrics if isinstance(metrics, Undefined) else metrics.recall,
        "f1": metrics if isinstance(metrics, Undefined) else metrics.f1,
        "agreement_other_order": _told(lambda: share([same for same, _ in other], [task for _, task in other])),
    }


def _averaged(asked: Iterable[Judgment], gold: Mapping[str, Gold], tie: float) -> dict[str, Measured]:
    """The verdicts of the mean of both orders against the labels."""
    scores: dict[str, dict[tuple[int, ...], tuple[float, ...]]] = {}
    for judgment in asked:
        if judgment.by_answer is not None and judgment.sample == 0:
            scores.setdefault(judgment.comparison_id, {})[judgment.shown] = judgment.by_answer
    hits, tasks = [], []
    for comparison, orders in scores.items():
        if orders.keys() >= {_FORWARD, _BACKWARD}:
            means = [(one + other) / 2 for one, other in zip(orders[_FORWARD], orders[_BACKWARD], strict=True)]
            hits.append(winner_of(means, tie) == gold[comparison].label.winner)
            tasks.append(gold[comparison].task)
    return {"agreement_averaged": _told(lambda: share(hits, tasks))}


def _orders(metrics: JudgeMetrics | Undefined) -> dict[str, Measured]:
    if isinstance(metrics, Undefined) or metrics.orders is None:
        few = Undefined("the pairs that were read in both orders come from fewer than two tasks")
        why = metrics if isinstance(metrics, Undefined) else few
        return dict.fromkeys(("consistency", "prefer_first", "prefer_second", "delta_bias"), why)
    found = metrics.orders
    return {
        "consistency": found.consistency,
        "prefer_first": found.prefer_first,
        "prefer_second": found.prefer_second,
        "delta_bias": found.delta_bias,
    }


def _told(compute: Callable[[], T]) -> T | Undefined:
    try:
        return compute()
    except Undefined as why:
        return why


def _plain(value: Measured) -> dict[str, Any]:
    return {"undefined": str(value)} if isinstance(value, Undefined) else value.as_plain()
