"""A judge against labels, by JudgeLM's measures, each with an interval over tasks.

Source of the definitions: `calculate_metrics` in `judgelm/llm_judge/eval_model_judgement.py` of
github.com/baaivision/JudgeLM at 00c4516. There the verdicts come from two grades, a draw where they differ by no more
than a threshold, 0 by default; agreement, precision, recall and F1 are of the first order alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...schemas.rows import Judgment, Winner
from ..logistic import Codes, Floats
from .estimate import Estimate
from .resampled import BOOTSTRAP, Bootstrap
from .share import share
from .tasks import codes

_SIGN: Mapping[Winner, int] = {"first": 1, "tie": 0, "second": -1}
_ORDERS = ((0, 1), (1, 0))


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's verdicts on one pair, and the label that they are held against."""

    task_id: str
    gold: Winner
    """The label, of the answers in the first order."""
    forward: Winner
    """The verdict in the first order: which of the answers *as shown* won."""
    backward: Winner | None = None
    """The verdict in the other order, again of the answers as shown; None where only one order was judged."""


@dataclass(frozen=True, slots=True)
class OrderMetrics:
    """What the order of the answers does to a judge. Over the pairs that were judged in both."""

    consistency: Estimate
    """Share of pairs with the same verdict in both orders; a tie that stays a tie is the same."""
    prefer_first: Estimate
    """Share whose verdicts lean to whichever answer is shown first."""
    prefer_second: Estimate
    delta_bias: Estimate
    """|prefer_first - prefer_second|, 0..1. `prefer_first + prefer_second` is `1 - consistency`."""


@dataclass(frozen=True, slots=True)
class JudgeMetrics:
    """JudgeLM's measures."""

    agreement: Estimate
    precision: Estimate
    """Mean over the labels that occur, in gold or verdict; 0 for one that is never given, as scikit-learn has it."""
    recall: Estimate
    f1: Estimate
    orders: OrderMetrics | None
    """None where the pairs that were judged in both orders come from fewer than two tasks."""


def judge_metrics(rows: Sequence[Judged], *, bootstrap: Bootstrap = BOOTSTRAP) -> JudgeMetrics:
    """The measures over `rows`. Raises `Undefined` without rows, or with those of one task only."""
    tasks = [row.task_id for row in rows]
    places = codes(tasks, len(rows))
    agreement = share([row.gold == row.forward for row in rows], tasks, level=bootstrap.level)
    table = np.zeros((len(rows), 9))
    cells = [3 * (1 - _SIGN[row.gold]) + 1 - _SIGN[row.forward] for row in rows]
    table[np.arange(len(rows)), cells] = 1
    values = _macro(table.sum(axis=0)[None], table.sum(axis=0))[:, 0]
    resampled = _macro(bootstrap.resample(table, places), table.sum(axis=0))
    precision, recall, f1 = (
        Estimate(float(value), *bootstrap.interval(draws), len(rows), agreement.tasks, f"{name}, {bootstrap.says()}")
        for name, value, draws in zip(("macro precision", "macro recall", "macro F1"), values, resampled, strict=True)
    )
    both = [row for row in rows if row.backward is not None]
    both_tasks = [row.task_id for row in both]
    leaning = [_SIGN[row.forward] + (_SIGN[row.backward] if row.backward else 0) for row in both]
    orders = order_metrics(leaning, both_tasks, bootstrap=bootstrap) if len(set(both_tasks)) > 1 else None
    return JudgeMetrics(agreement, precision, recall, f1, orders)


def judged(judgments: Iterable[Judgment], gold: Mapping[str, Winner], *, tie: float = 0.0) -> list[Judged]:
    """One teacher's first replies about pairs as rows to measure. `gold`: comparison id -> winner in its order.

    Grades that differ by no more than `tie` are a tie. Comparisons without a label or without a readable reply in the
    comparison's own order are left out. Raises `ValueError` for judgments of several teachers.
    """
    by_comparison: dict[str, dict[tuple[int, ...], Judgment]] = {}
    teachers = set()
    for judgment in judgments:
        teachers.add(judgment.teacher)
        if judgment.sample == 0 and judgment.shown in _ORDERS and judgment.scores is not None:
            by_comparison.setdefault(judgment.comparison_id, {}).setdefault(judgment.shown, judgment)
    if len(teachers) > 1:
        raise ValueError(f"judgments of several teachers: {', '.join(sorted(teachers))}")
    forward, backward = _ORDERS
    return [
        Judged(
            task_id=orders[forward].task_id,
            gold=gold[comparison],
            forward=winner_of(orders[forward].scores, tie),
            backward=winner_of(orders[backward].scores, tie) if backward in orders else None,
        )
        for comparison, orders in by_comparison.items()
        if comparison in gold and forward in orders
    ]


def winner_of(scores: Sequence[float] | None, tie: float = 0.0) -> Winner:
    """Which of two scores is higher, or `tie` where they differ by no more than `tie`."""
    if scores is None or len(scores) != 2:
        raise ValueError(f"expected two scores (got {scores})")
    gap = scores[0] - scores[1]
    return "tie" if abs(gap) <= tie else "first" if gap > 0 else "second"


def _macro(sums: Floats, seen: Floats) -> Floats:
    """Macro precision, recall and F1, (3, repeats), of confusions gold x verdict, (repeats, 9); labels as in `seen`."""
    cells = sums.reshape(len(sums), 3, 3)
    hits = np.diagonal(cells, axis1=1, axis2=2)
    given, true = cells.sum(axis=1), cells.sum(axis=2)
    occurring = (seen.reshape(3, 3).sum(axis=0) + seen.reshape(3, 3).sum(axis=1)) > 0
    return np.stack(
        [_ratio(a, b)[:, occurring].mean(axis=1) for a, b in ((hits, given), (hits, true), (2 * hits, given + true))]
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def order_metrics(
    leaning: Sequence[int] | Codes, tasks: Sequence[str], *, bootstrap: Bootstrap = BOOTSTRAP
) -> OrderMetrics:
    """The measures of pairs that were judged in both orders.

    `leaning`: for each pair, the sum over the two orders of 1 where the answer shown first won, -1 where the one shown
    last did, 0 for a tie. So it is 0 for the same verdict in both, and positive where both together lean to whichever
    is shown first. Raises `Undefined` without pairs, or with those of one task only.
    """
    lean = np.asarray(leaning, dtype=np.int64)
    consistency, first, second = (
        share(hits.tolist(), tasks, level=bootstrap.level) for hits in (lean == 0, lean > 0, lean < 0)
    )
    low, high = bootstrap.interval(_lean(lean, codes(tasks, len(lean)), bootstrap))
    # The absolute value of something near 0 is never near 0 in a resample: the interval is of the difference.
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    delta = Estimate(
        value=abs(first.value - second.value),
        low=nearest,
        high=max(abs(low), abs(high)),
        n=len(lean),
        tasks=consistency.tasks,
        method=f"|prefer first - prefer second|, {bootstrap.says()}",
    )
    return OrderMetrics(consistency, first, second, delta)


def _lean(leaning: Codes, places: Codes, bootstrap: Bootstrap) -> Floats:
    """Signed difference of the two preferences in each resample."""
    table = np.column_stack([np.ones(len(leaning)), np.sign(leaning)])
    drawn = bootstrap.resample(table, places)
    difference: Floats = drawn[:, 1] / drawn[:, 0]
    return difference
