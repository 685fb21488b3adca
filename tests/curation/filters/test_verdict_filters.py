"""Filters that look at one verdict: unread judgments, disagreeing orders, narrow margins."""

from __future__ import annotations

import pytest

from prefmill.curation.filters import Filter, VerdictFilter
from prefmill.curation.filters.failed_judgments import FailedJudgments
from prefmill.curation.filters.minimum_margin import MinimumMargin
from prefmill.curation.filters.order_inconsistent import OrderInconsistent
from prefmill.schemas.plugins import names
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Comparison, Judgment, Verdict, Winner

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))


def verdict(winner: Winner = "first", margin: float | None = 2, consistent: bool | None = True) -> Verdict:
    return Verdict(
        comparison_id=PAIR.id,
        task_id="t",
        protocol="both_orders",
        judgment_ids=(),
        winner=winner,
        margin=margin,
        consistent=consistent,
    )


def judgment(shown: tuple[int, ...], read: bool, sample: int = 0, teacher: str = "gpt") -> Judgment:
    failure = None if read else Failure(kind="unreadable", message="no score")
    return Judgment(
        comparison_id=PAIR.id,
        task_id="t",
        teacher=teacher,
        judge="judgelm",
        shown=shown,
        sample=sample,
        scores=(7, 5) if read else None,
        failure=failure,
    )


def found(plugin: VerdictFilter, on: Verdict, *judgments: Judgment) -> str | None:
    return plugin.drop(PAIR, judgments, on)


def test_every_filter_is_found_by_its_files_name() -> None:
    assert {"failed_judgments", "minimum_margin", "order_inconsistent"} <= set(names(Filter.kind))


def test_failed_judgments() -> None:
    read, failed = judgment((0, 1), True), judgment((1, 0), False)
    assert found(FailedJudgments(), verdict(), read, judgment((1, 0), True)) is None
    assert found(FailedJudgments(), verdict(), read, failed) == "1 of 2 judgments could not be read"
    assert found(FailedJudgments(allow=1), verdict(), read, failed) is None
    other = judgment((1, 0), False, teacher="llama")
    assert found(FailedJudgments(allow=1), verdict(), read, failed, other) == "2 of 3 judgments could not be read"


def test_a_question_answered_when_asked_again_has_not_failed() -> None:
    first, again = judgment((0, 1), False), judgment((0, 1), True, sample=1)
    assert found(FailedJudgments(), verdict(), first, again) is None


def test_order_inconsistent() -> None:
    assert found(OrderInconsistent(), verdict(margin=-0.5, consistent=False)) == "the two orders disagree (margin -0.5)"
    assert found(OrderInconsistent(), verdict(consistent=True)) is None
    assert found(OrderInconsistent(), verdict(consistent=None)) is None


def test_order_inconsistent_may_keep_ties() -> None:
    tie, win = verdict("tie", 0, consistent=False), verdict("first", 1, consistent=False)
    assert found(OrderInconsistent(), tie) is not None
    assert found(OrderInconsistent(keep_ties=True), tie) is None
    assert found(OrderInconsistent(keep_ties=True), win) is not None


@pytest.mark.parametrize(
    ("least", "margin", "dropped"),
    [
        (1, 0.5, "margin +0.5"),
        (1, -0.5, "margin -0.5"),
        (1, 1, None),
        (1, -1, None),
        (1, 0, "margin +0"),
        (0, 0, None),
        (2.5, -2, "margin -2"),
        (1, None, "no margin"),
    ],
)
def test_minimum_margin(least: float, margin: float | None, dropped: str | None) -> None:
    assert found(MinimumMargin(margin=least), verdict(margin=margin)) == dropped
