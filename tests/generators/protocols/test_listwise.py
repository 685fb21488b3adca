"""Listwise, driven by hand: which orders are shown, and what the judgments of several answers add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from math import factorial, sqrt

import pytest
from pydantic import ValidationError

from prefmill.generators.protocols import Ask, Protocol
from prefmill.generators.protocols.both_orders import BothOrders
from prefmill.generators.protocols.listwise import Listwise, shuffles
from prefmill.generators.protocols.one_order import OneOrder
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Comparison, Judgment, Verdict

PAID = Usage(prompt_tokens=100, completion_tokens=10, calls=4, cost_usd=0.5)
Scores = Sequence[float] | None
"""In the comparison's order; None is a reply that could not be read."""


def comparison(answers: int, number: int = 0) -> Comparison:
    ids = tuple(f"{number}-{answer}" for answer in range(answers))
    return Comparison(task_id="t", answer_ids=ids, models=tuple("abcdefgh"[:answers]))


def drive(
    protocol: Listwise,
    of: Comparison,
    answer: Callable[[Ask], Scores],
    teachers: Sequence[str] = ("gpt",),
    *,
    references: Sequence[bool] = (False,),
    sample: int = 0,
) -> tuple[list[Ask], list[Judgment], Verdict]:
    """Run the protocol to its end: it asks everything at once."""
    run = protocol.run(of, teachers, references)
    asks = list(next(run))
    heard = []
    for ask in asks:
        scores = answer(ask)
        failure = None if scores else Failure(kind="unreadable", message="no score\nfound")
        heard.append(
            Judgment(
                comparison_id=of.id,
                task_id="t",
                teacher=ask.teacher,
                judge="ultrafeedback",
                shown=ask.shown,
                with_reference=ask.with_reference,
                sample=sample,
                scores=tuple(scores[slot] for slot in ask.shown) if scores else None,
                usage=PAID,
                failure=failure,
            )
        )
    with pytest.raises(StopIteration) as ended:
        run.send(heard)
    verdict: Verdict = ended.value.value
    assert len(asks) <= protocol.calls(len(teachers), len(references))
    assert (verdict.comparison_id, verdict.task_id, verdict.protocol) == (of.id, "t", "listwise")
    assert verdict.usage == sum((row.usage for row in heard), Usage())
    return asks, heard, verdict


def test_it_is_found_by_name_and_takes_more_than_pairs() -> None:
    assert load(Protocol, "listwise") is Listwise
    assert [protocol.pairs_only for protocol in (Listwise, OneOrder, BothOrders)] == [False, True, True]
    with pytest.raises(ValidationError):
        Listwise(orders=0)


def test_every_teacher_is_shown_every_order_in_every_reference_mode() -> None:
    of = comparison(4)
    asks, judgments, verdict = drive(
        Listwise(orders=3), of, lambda _: (1, 2, 3, 4), ("gpt", "llama"), references=(True, False)
    )
    orders = shuffles(of, 3)
    assert asks == [Ask(by, shown, mode) for mode in (True, False) for by in ("gpt", "llama") for shown in orders]
    assert len(asks) == Listwise(orders=3).calls(2, 2) == 12
    assert verdict.scores == (1, 2, 3, 4)
    assert (verdict.winner, verdict.margin, verdict.consistent, verdict.flags) == (None, None, None, ())
    assert verdict.judgment_ids == tuple(row.id for row in judgments if row.with_reference)


@pytest.mark.parametrize(("answers", "orders"), [(2, 1), (2, 2), (2, 5), (3, 6), (3, 9), (4, 2), (4, 24), (8, 3)])
def test_orders_differ_and_are_all_there_are_at_most(answers: int, orders: int) -> None:
    """The same order twice would be the same question: one reply counted as two."""
    for number in range(40):
        found = shuffles(comparison(answers, number), orders)
        assert len(found) == len(set(found)) == min(orders, factorial(answers))
        assert all(sorted(order) == list(range(answers)) for order in found)
        assert found == shuffles(comparison(answers, number), orders)
        assert found[:1] == shuffles(comparison(answers, number), 1)


def test_slots_are_drawn_evenly() -> None:
    """Every order of three answers comes first about as often; 4.5 standard deviations."""
    count = 3000
    first = Counter(shuffles(comparison(3, number), 1)[0] for number in range(count))
    for order in permutations(range(3)):
        assert abs(first[order] - count / 6) < 4.5 * sqrt(count * 5 / 36)


def test_golden_orders() -> None:
    """A change here changes every published data set that is made again from its recipe."""
    assert shuffles(comparison(4), 3) == [(1, 2, 0, 3), (2, 1, 0, 3), (3, 0, 1, 2)]


def test_scores_go_back_to_the_answers_they_are_of() -> None:
    """Two grades for whatever is shown first: over all orders every answer has them equally often."""
    of, better = comparison(3), (3.0, 5.0, 4.0)

    def biased(ask: Ask) -> Scores:
        return [score + 2 * (ask.shown[0] == slot) for slot, score in enumerate(better)]

    verdict = drive(Listwise(orders=6), of, biased)[2]
    assert verdict.scores == pytest.approx([score + 2 / 3 for score in better])
    assert drive(Listwise(), of, biased)[2].scores != verdict.scores


@pytest.mark.parametrize(
    ("given", "winner", "margin"),
    [((7, 4), "first", 3), ((4, 7), "second", -3), ((5, 5), "tie", 0), ((0.1 + 0.2, 0.3), "tie", 0)],
)
def test_a_pair_has_a_winner(given: tuple[float, float], winner: str, margin: float) -> None:
    asks, _, verdict = drive(Listwise(orders=2), comparison(2), lambda _: given)
    assert {ask.shown for ask in asks} == {(0, 1), (1, 0)}
    assert (verdict.winner, verdict.margin, str(verdict.margin), verdict.scores) == (
        winner,
        margin,
        f"{margin:.1f}",
        (),
    )


def test_teachers_count_the_same_however_many_of_their_judgments_were_read() -> None:
    of, failed = comparison(3), shuffles(comparison(3), 2)[1]

    def answer(ask: Ask) -> Scores:
        if ask.teacher == "gpt":
            return (1, 1, 1)
        return None if ask.shown == failed else (4, 2, 1)

    _, judgments, verdict = drive(Listwise(orders=2), of, answer, ("gpt", "llama"))
    assert verdict.scores == (2.5, 1.5, 1)
    assert verdict.judgment_ids == tuple(row.id for row in judgments if row.failure is None)
    assert len(verdict.judgment_ids) == 3


@pytest.mark.parametrize("references", [(False,), (True, False)])
def test_no_readable_judgment_is_a_failure_with_its_reasons(references: tuple[bool, ...]) -> None:
    """What was read in the other reference mode is no substitute."""
    of, deciding = comparison(3), references[0]
    _, _, verdict = drive(
        Listwise(), of, lambda ask: (1, 2, 3) if ask.with_reference != deciding else None, references=references
    )
    assert (verdict.winner, verdict.scores, verdict.judgment_ids) == (None, (), ())
    (shown,) = shuffles(of, 1)
    assert verdict.failure == Failure(kind="no_judgment", message=f"gpt shown {shown}: unreadable: no score found")


def test_asked_again_is_flagged() -> None:
    assert drive(Listwise(), comparison(3), lambda _: (1, 2, 3), sample=1)[2].flags == ("asked_again",)
