"""Expected score, driven by hand: what it asks for, and what weighed and plain scores add up to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from prefmill.generators.protocols import Ask, Protocol
from prefmill.generators.protocols.both_orders import BothOrders
from prefmill.generators.protocols.expected_score import ExpectedScore
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Comparison, Judgment, Verdict

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))
FORWARD, BACKWARD = (0, 1), (1, 0)
Scores = tuple[float, float]
Reply = tuple[Scores, Scores | None] | None
"""Scores as they were said and as they are weighed, in the comparison's order; None is a reply that cannot be read."""


def judgment(ask: Ask, reply: Reply) -> Judgment:
    said, weighed = reply or (None, None)
    return Judgment(
        comparison_id=PAIR.id,
        task_id="t",
        teacher=ask.teacher,
        judge="judgelm",
        shown=ask.shown,
        with_reference=ask.with_reference,
        scores=tuple(said[slot] for slot in ask.shown) if said else None,
        expected=tuple(weighed[slot] for slot in ask.shown) if weighed else None,
        usage=Usage(calls=1, cost_usd=0.5),
        failure=None if reply else Failure(kind="unreadable", message="no score"),
    )


def drive(
    protocol: Protocol,
    answer: Callable[[Ask], Reply],
    teachers: Sequence[str] = ("t",),
    references: Sequence[bool] = (False,),
) -> tuple[list[Ask], Verdict]:
    run = protocol.run(PAIR, teachers, references)
    asks = list(next(run))
    heard = [judgment(ask, answer(ask)) for ask in asks]
    with pytest.raises(StopIteration) as ended:
        run.send(heard)
    verdict: Verdict = ended.value.value
    assert verdict.protocol == protocol.plugin_name()
    assert len(asks) == protocol.calls(len(teachers), len(references))
    assert verdict.usage == sum((row.usage for row in heard), Usage())
    return asks, verdict


def test_it_asks_for_probabilities_in_one_or_both_orders() -> None:
    assert load(Protocol, "expected_score") is ExpectedScore
    asks, _ = drive(ExpectedScore(), lambda _: ((5, 5), (5, 5)), ("t", "u"), (True, False))
    assert asks == [
        Ask(teacher, shown, mode, probabilities=True)
        for mode in (True, False)
        for teacher in ("t", "u")
        for shown in (FORWARD, BACKWARD)
    ]
    asks, _ = drive(ExpectedScore(orders="one"), lambda _: ((5, 5), (5, 5)))
    assert asks == [Ask("t", FORWARD, False, probabilities=True)]
    asks, _ = drive(BothOrders(), lambda _: ((5, 5), None))
    assert not any(ask.probabilities for ask in asks), "nobody else asks for them"


def test_the_margin_is_of_the_weighed_scores_in_the_comparison_s_order() -> None:
    """Said, it is a tie; shown first, an answer gets half a point more."""

    def answer(ask: Ask) -> Reply:
        first, second = 5.25, 5.0
        return (5, 5), (first + 0.5, second) if ask.shown == FORWARD else (first, second + 0.5)

    _, verdict = drive(ExpectedScore(), answer)
    assert (verdict.winner, verdict.margin, verdict.flags) == ("first", 0.25, ("order_inconsistent",))
    assert drive(ExpectedScore(tie_margin=0.25), answer)[1].winner == "tie"
    _, verdict = drive(ExpectedScore(orders="one"), answer)
    assert (verdict.winner, verdict.margin, verdict.consistent) == ("first", 0.75, None)
    assert drive(BothOrders(), answer)[1].winner == "tie", "nobody else looks at them"


def test_an_endpoint_that_gives_none_is_flagged_and_its_scores_count() -> None:
    _, verdict = drive(ExpectedScore(), lambda _: ((7, 4), None))
    assert (verdict.winner, verdict.margin, verdict.flags) == ("first", 3, ("no_probabilities",))
    _, verdict = drive(ExpectedScore(), lambda ask: ((7, 4), (6, 4) if ask.shown == FORWARD else None))
    assert (verdict.margin, verdict.flags) == (2.5, ("no_probabilities",))
    _, verdict = drive(
        ExpectedScore(),
        lambda ask: ((7, 4), (6, 4) if ask.shown == FORWARD else None) if ask.shown == FORWARD else None,
    )
    assert (verdict.margin, verdict.flags) == (2, ("one_order_failed",)), (
        "a judgment that failed lacks no probabilities"
    )


def test_only_the_deciding_mode_is_flagged() -> None:
    def answer(ask: Ask) -> Reply:
        return (7, 4), (6, 4) if ask.with_reference else None

    assert drive(ExpectedScore(), answer, references=(True, False))[1].flags == ()


def test_nothing_readable_is_a_failure() -> None:
    _, verdict = drive(ExpectedScore(), lambda _: None)
    assert verdict.failure is not None
    assert (verdict.failure.kind, verdict.flags) == ("no_judgment", ())


def test_judgments_without_them_keep_their_ids() -> None:
    """The id is one that was published before there was anything to weigh."""
    plain = judgment(Ask("t", FORWARD, False), ((7, 4), None))
    assert plain.id == "b3ec7862ac4e70f4"
    assert judgment(Ask("t", FORWARD, False), ((7, 4), (6, 4))).id != plain.id
    assert judgment(Ask("t", BACKWARD, False), ((7, 4), (6, 4))).weighed_by_answer == (6, 4)
