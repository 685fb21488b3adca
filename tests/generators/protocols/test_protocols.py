"""One order and both orders, driven by hand: what is asked, and what the judgments add up to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from prefmill.generators.protocols import Ask, Protocol
from prefmill.generators.protocols.both_orders import BothOrders
from prefmill.generators.protocols.one_order import OneOrder
from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Comparison, Judgment, Verdict

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))
PAID = Usage(prompt_tokens=100, completion_tokens=10, calls=1, cost_usd=0.5)
Scores = tuple[float, float] | None
"""As shown; None is a reply that could not be read."""


def judgment(ask: Ask, scores: Scores, sample: int = 0) -> Judgment:
    return Judgment(
        comparison_id=PAIR.id,
        task_id="t",
        teacher=ask.teacher,
        judge="judgelm",
        shown=ask.shown,
        with_reference=ask.with_reference,
        sample=sample,
        scores=scores,
        usage=PAID,
        failure=None if scores else Failure(kind="unreadable", message="no score\nfound"),
    )


def drive(
    protocol: Protocol,
    answer: Callable[[Ask], Scores],
    teachers: Sequence[str] = ("gpt",),
    references: Sequence[bool] = (False,),
    sample: int = 0,
) -> tuple[list[Ask], list[Judgment], Verdict]:
    """Run a protocol to its end; `answer` gives the scores in the order shown."""
    run = protocol.run(PAIR, teachers, references)
    asks: list[Ask] = []
    judgments: list[Judgment] = []
    wanted = next(run)
    while True:
        heard = [judgment(ask, answer(ask), sample) for ask in wanted]
        asks += wanted
        judgments += heard
        try:
            wanted = run.send(heard)
        except StopIteration as ended:
            verdict: Verdict = ended.value
            assert len(asks) == protocol.calls(len(teachers), len(references))
            assert (verdict.comparison_id, verdict.task_id, verdict.protocol) == (PAIR.id, "t", protocol.plugin_name())
            assert verdict.usage == sum((row.usage for row in judgments), Usage())
            return asks, judgments, verdict


def scores(forward: Scores, backward: Scores) -> Callable[[Ask], Scores]:
    return lambda ask: forward if ask.shown == (0, 1) else backward


def outcome(verdict: Verdict) -> tuple[object, ...]:
    return verdict.winner, verdict.margin, verdict.consistent, verdict.flags


def test_one_order_asks_once_in_the_comparisons_own_order() -> None:
    asks, judgments, verdict = drive(OneOrder(), lambda _: (7, 4))
    assert asks == [Ask("gpt", (0, 1), False)]
    assert outcome(verdict) == ("first", 3, None, ())
    assert verdict.judgment_ids == (judgments[0].id,)
    assert verdict.protocol == "one_order"


@pytest.mark.parametrize(
    ("given", "winner"), [((4, 7), "second"), ((5, 5), "tie"), ((5, 6), "tie"), ((5, 6.5), "second")]
)
def test_one_order_and_ties(given: tuple[float, float], winner: str) -> None:
    assert drive(OneOrder(tie_margin=1), lambda _: given)[2].winner == winner


def test_both_orders_are_asked_and_scores_put_back() -> None:
    asks, judgments, verdict = drive(BothOrders(), scores((8, 5), (4, 7)))
    assert asks == [Ask("gpt", (0, 1), False), Ask("gpt", (1, 0), False)]
    assert outcome(verdict) == ("first", 3, True, ())
    assert verdict.judgment_ids == tuple(row.id for row in judgments)


def test_a_constant_position_bias_cancels() -> None:
    """Two grades for whatever stands first: alone it hides the better answer, in the mean it is gone."""
    biased = scores((5 + 2, 6), (6 + 2, 5))
    assert drive(OneOrder(), biased)[2].winner == "first"
    assert outcome(drive(BothOrders(), biased)[2]) == ("second", -1, False, ("order_inconsistent",))


@pytest.mark.parametrize(
    ("forward", "backward", "average", "margin", "consistent"),
    [
        ((9, 5), (6, 5), "first", 1.5, False),
        ((5, 9), (5, 6), "second", -1.5, False),
        ((9, 5), (9, 5), "tie", 0, False),
        ((5, 5), (5, 5), "tie", 0, True),
        ((5, 5), (4, 5), "first", 0.5, False),
        ((6, 5), (5, 7), "first", 1.5, True),
        ((5, 6), (7, 5), "second", -1.5, True),
    ],
)
def test_combine(forward: Scores, backward: Scores, average: str, margin: float, consistent: bool) -> None:
    flags = () if consistent else ("order_inconsistent",)
    verdict = drive(BothOrders(), scores(forward, backward))[2]
    assert outcome(verdict) == (average, margin, consistent, flags)
    verdict = drive(BothOrders(combine="tie"), scores(forward, backward))[2]
    assert outcome(verdict) == (average if consistent else "tie", margin, consistent, flags)


def test_tie_margin_holds_for_each_order_and_for_the_mean() -> None:
    near = scores((6, 5), (6, 5))
    assert drive(BothOrders(), near)[2].consistent is False
    assert outcome(drive(BothOrders(tie_margin=1), near)[2]) == ("tie", 0, True, ())
    assert outcome(drive(BothOrders(tie_margin=1), scores((6, 5), (5, 8)))[2]) == (
        "first", 2, False, ("order_inconsistent",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("forward", "backward", "winner", "margin"), [((8, 5), None, "first", 3), (None, (8, 5), "second", -3)]
)
def test_one_readable_order_decides_alone(forward: Scores, backward: Scores, winner: str, margin: float) -> None:
    _, judgments, verdict = drive(BothOrders(), scores(forward, backward))
    assert outcome(verdict) == (winner, margin, None, ("one_order_failed",))
    assert verdict.judgment_ids == tuple(row.id for row in judgments if row.failure is None)


@pytest.mark.parametrize("protocol", [OneOrder(), BothOrders(), BothOrders(combine="tie")])
def test_no_readable_judgment_is_a_failure_with_its_reasons(protocol: Protocol) -> None:
    _, _, verdict = drive(protocol, lambda _: None, teachers=("gpt", "llama"))
    assert outcome(verdict) == (None, None, None, ())
    assert verdict.judgment_ids == ()
    assert verdict.failure is not None and verdict.failure.kind == "no_judgment"
    assert verdict.failure.message.startswith("gpt shown (0, 1): unreadable: no score found; ")
    assert "llama shown (0, 1): unreadable" in verdict.failure.message


def test_teachers_count_the_same_however_many_of_their_judgments_were_read() -> None:
    def answer(ask: Ask) -> Scores:
        if ask.teacher == "gpt":
            return (9, 5) if ask.shown == (0, 1) else (5, 7)
        return (5, 6) if ask.shown == (0, 1) else None

    _, _, verdict = drive(BothOrders(), answer, teachers=("gpt", "llama"))
    assert outcome(verdict) == ("first", 1, None, ("one_order_failed",)), "((4 + 2) / 2 + -1) / 2"
    assert len(verdict.judgment_ids) == 3
    assert outcome(drive(OneOrder(), answer, teachers=("gpt", "llama"))[2]) == ("first", 1.5, None, ())


def test_one_teacher_whose_orders_disagree_makes_the_verdict_inconsistent() -> None:
    def answer(ask: Ask) -> Scores:
        if ask.teacher == "gpt":
            return (9, 5) if ask.shown == (0, 1) else (5, 9)
        return (6, 5)

    verdict = drive(BothOrders(combine="tie"), answer, teachers=("gpt", "llama"))[2]
    assert outcome(verdict) == ("tie", 2, False, ("order_inconsistent",))


def test_teachers_may_disagree_with_each_other_and_each_be_consistent() -> None:
    def answer(ask: Ask) -> Scores:
        ahead = (ask.teacher == "gpt") == (ask.shown == (0, 1))
        return (7, 5) if ahead else (5, 7)

    assert outcome(drive(BothOrders(), answer, teachers=("gpt", "llama"))[2]) == ("tie", 0, True, ())


def test_the_first_reference_mode_decides_and_all_are_paid_for() -> None:
    def answer(ask: Ask) -> Scores:
        if ask.with_reference:
            return (8, 5) if ask.shown == (0, 1) else (5, 8)
        return (5, 8) if ask.shown == (0, 1) else (8, 5)

    for protocol in (OneOrder(), BothOrders()):
        for references, winner in (((True, False), "first"), ((False, True), "second")):
            asks, judgments, verdict = drive(protocol, answer, references=references)
            assert [ask.with_reference for ask in asks] == [mode for mode in references for _ in asks[::2]]
            assert verdict.winner == winner
            assert verdict.judgment_ids == tuple(row.id for row in judgments if row.with_reference == references[0])
            assert verdict.usage.calls == len(asks)


def test_an_unreadable_deciding_mode_is_not_replaced_by_the_other() -> None:
    _, _, verdict = drive(OneOrder(), lambda ask: None if ask.with_reference else (8, 5), references=(True, False))
    assert verdict.failure is not None and verdict.winner is None


def test_asked_again_is_flagged() -> None:
    verdict = drive(BothOrders(), scores((8, 5), (5, 8)), sample=2)[2]
    assert verdict.flags == ("asked_again",)


def test_rounding_makes_no_winner() -> None:
    margins = {"a": 0.1, "b": 0.2, "c": -0.3}
    verdict = drive(OneOrder(), lambda ask: (margins[ask.teacher], 0), teachers=tuple(margins))[2]
    assert (verdict.winner, str(verdict.margin)) == ("tie", "0.0")
    verdict = drive(BothOrders(), scores((5, 5), (5, 5)))[2]
    assert str(verdict.margin) == "0.0"


@pytest.mark.parametrize("protocol", [OneOrder(), BothOrders()])
def test_more_than_two_answers_are_refused(protocol: Protocol) -> None:
    three = Comparison(task_id="t", answer_ids=("x", "y", "z"), models=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"compares pairs \(got 3 answers\)"):
        next(protocol.run(three, ("gpt",), (False,)))
