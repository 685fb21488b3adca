"""JudgeLM's measures: against scikit-learn's, and against its own rule written out."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import precision_recall_fscore_support

from prefmill.curation.agreement.estimate import Undefined
from prefmill.curation.agreement.judge_metrics import Judged, judge_metrics, judged, winner_of
from prefmill.curation.agreement.resampled import Bootstrap
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Judgment, Winner

QUICK = Bootstrap(repeats=200)
LABELS: tuple[Winner, ...] = ("first", "tie", "second")


def drawn(seed: int, rows: int, labels: tuple[Winner, ...] = LABELS) -> list[Judged]:
    draw = random.Random(seed)
    return [
        Judged(f"t{k // 2}", draw.choice(labels), draw.choice(labels), draw.choice(labels)) for k in range(rows)
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [drawn(1, 60), drawn(2, 9), drawn(3, 20, ("first", "second"))])
def test_they_are_scikit_learns_and_judgelms(rows: list[Judged]) -> None:
    found = judge_metrics(rows, bootstrap=QUICK)
    gold, says = [row.gold for row in rows], [row.forward for row in rows]
    expected = precision_recall_fscore_support(gold, says, average="macro", zero_division=0)
    values = found.precision.value, found.recall.value, found.f1.value
    assert values == pytest.approx(expected[:3], abs=1e-9)
    assert found.agreement.value == pytest.approx(sum(a == b for a, b in zip(gold, says, strict=True)) / len(rows))
    sign = {"first": 1, "tie": 0, "second": -1}
    pairs = [(-sign[row.forward], sign[row.backward or "tie"]) for row in rows]
    share = [sum(test) / len(rows) for test in zip(*((a == b, a < b, a > b) for a, b in pairs), strict=True)]
    orders = found.orders
    assert orders is not None
    assert [orders.consistency.value, orders.prefer_first.value, orders.prefer_second.value] == pytest.approx(share)
    assert orders.delta_bias.value == pytest.approx(abs(share[1] - share[2]))
    everything = found.agreement, found.precision, found.recall, found.f1, orders.consistency, orders.delta_bias
    assert all(0 <= estimate.low <= estimate.high <= 1 for estimate in everything)
    assert all(estimate.tasks == (len(rows) + 1) // 2 for estimate in everything)


def test_a_judge_that_always_takes_the_first_and_one_without_a_lean() -> None:
    biased = [Judged(f"t{k}", "first", "first", "first") for k in range(50)]
    orders = judge_metrics(biased, bootstrap=QUICK).orders
    assert orders is not None
    assert (orders.consistency.value, orders.prefer_first.value, orders.delta_bias.value) == (0, 1, 1)
    fair = [Judged(f"t{k}", "first", "first", ("second", "first", "tie")[k % 3]) for k in range(60)]
    fair += [Judged(f"u{k}", "first", "second", ("second", "tie")[k % 2]) for k in range(40)]
    orders = judge_metrics(fair, bootstrap=QUICK).orders
    assert orders is not None
    assert orders.delta_bias.value == 0
    assert orders.delta_bias.low == 0 < orders.delta_bias.high


def judgment(comparison: str, shown: tuple[int, ...], scores: tuple[float, ...] | None, **fields: object) -> Judgment:
    failure = Failure(kind="unreadable", message="no") if scores is None else None
    row = {"teacher": "t", "judge": "judgelm", "comparison_id": comparison, "task_id": f"task-{comparison}"} | fields
    return Judgment.model_validate(row | {"shown": shown, "scores": scores, "failure": failure})


def test_rows_come_from_judgments() -> None:
    rows = judged(
        [
            judgment("a", (0, 1), (8, 6)),
            judgment("a", (1, 0), (6, 8)),
            judgment("a", (0, 1), (1, 9), sample=1),
            judgment("b", (0, 1), (7, 7.5)),
            judgment("b", (1, 0), None),
            judgment("c", (0, 1), None),
            judgment("d", (0, 1), (5, 5)),
        ],
        {"a": "first", "b": "second", "c": "tie"},
        tie=0.5,
    )
    assert rows == [Judged("task-a", "first", "first", "second"), Judged("task-b", "second", "tie", None)]
    found = judge_metrics(rows, bootstrap=QUICK)
    assert (found.agreement.value, found.agreement.n) == (0.5, 2)
    assert found.orders is None  # one pair in both orders
    with pytest.raises(ValueError, match="several teachers: t, u"):
        judged([judgment("a", (0, 1), (8, 6)), judgment("a", (0, 1), (8, 6), teacher="u")], {})
    with pytest.raises(ValueError, match="two scores"):
        winner_of((1, 2, 3))


def test_one_order_says_nothing_of_orders_and_no_rows_nothing_at_all() -> None:
    assert judge_metrics([Judged(f"t{k}", "first", "first") for k in range(3)], bootstrap=QUICK).orders is None
    with pytest.raises(Undefined, match="no rows"):
        judge_metrics([])
