"""Protocols that learn from a pilot, driven by hand: what they learn, what they still ask, and what that decides."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from prefmill.generators.learned import FEWEST, Habit, Learned, gap_for, learned_from
from prefmill.generators.protocols import Ask, Piloted
from prefmill.generators.protocols.adaptive_swap import AdaptiveSwap
from prefmill.generators.protocols.cascade import Cascade
from prefmill.generators.protocols.jury import Jury
from prefmill.generators.protocols.offset_corrected import OffsetCorrected
from prefmill.schemas.row import Failure, Usage
from prefmill.schemas.rows import Comparison, Judgment, Verdict

PAIR = Comparison(task_id="t", answer_ids=("x", "y"), models=("a", "b"))
FORWARD, BACKWARD = (0, 1), (1, 0)
Margin = float | None
"""First answer shown minus second; None is a reply that could not be read."""


def judgment(ask: Ask, margin: Margin) -> Judgment:
    return Judgment(
        comparison_id=PAIR.id,
        task_id="t",
        teacher=ask.teacher,
        judge="judgelm",
        shown=ask.shown,
        with_reference=ask.with_reference,
        scores=None if margin is None else (5 + margin, 5),
        usage=Usage(calls=1, cost_usd=0.5),
        failure=Failure(kind="unreadable", message="no score") if margin is None else None,
    )


def drive(
    protocol: Piloted,
    answer: Callable[[Ask], Margin],
    learned: Learned | None,
    teachers: Sequence[str] = ("t",),
    references: Sequence[bool] = (False,),
) -> tuple[list[Ask], list[Judgment], Verdict]:
    """A comparison after the pilot, or of it (None), to its end; `answer` gives the margin as shown."""
    asks = protocol.opening(PAIR, teachers, references)
    heard = [judgment(ask, answer(ask)) for ask in asks]
    run = protocol.continued(PAIR, teachers, references, heard, learned)
    sent: list[Judgment] | None = None
    while True:
        try:
            wanted = next(run) if sent is None else run.send(sent)
        except StopIteration as ended:
            verdict: Verdict = ended.value
            assert verdict.protocol == protocol.plugin_name()
            assert verdict.usage == sum((row.usage for row in heard), Usage())
            assert len(asks) <= protocol.calls(len(teachers), len(references))
            return asks, heard, verdict
        sent = [judgment(ask, answer(ask)) for ask in wanted]
        asks += wanted
        heard += sent


def said(teacher: str, forward: Margin, backward: Margin) -> list[Judgment]:
    return [judgment(Ask(teacher, FORWARD, False), forward), judgment(Ask(teacher, BACKWARD, False), backward)]


def habit(teacher: str = "t", offset: float = 1.0, gap: float | None = 1.0) -> Habit:
    return Habit(teacher=teacher, pairs=200, offset=offset, offset_error=0.1, consistency=0.8, gap=gap)


def knowing(*habits: Habit, ask_below: float | None = None) -> Learned:
    return Learned(comparisons=200, habits=habits, ask_below=ask_below)


def biased(own: float, offset: float) -> Callable[[Ask], Margin]:
    """A teacher that thinks `own` of the answers and adds `offset` for the one shown first."""
    return lambda ask: offset + (own if ask.shown == FORWARD else -own)


def of(asks: Sequence[Ask]) -> list[tuple[str, tuple[int, ...]]]:
    return [(ask.teacher, ask.shown) for ask in asks]


ALL = [OffsetCorrected(), AdaptiveSwap(), Jury(orders="one"), Jury(), Cascade()]


@pytest.mark.parametrize("protocol", ALL, ids=lambda one: one.plugin_name())
def test_the_pilot_is_asked_everything_in_both_orders(protocol: Piloted) -> None:
    teachers = ("cheap", "strong")
    asks, heard, verdict = drive(protocol, biased(-1, 2), None, teachers)
    assert sorted(of(asks)) == sorted((teacher, shown) for teacher in teachers for shown in (FORWARD, BACKWARD))
    assert len(asks) == protocol.calls(2, 1)
    assert (verdict.winner, verdict.margin, verdict.consistent) == ("second", -1, False)
    assert set(verdict.judgment_ids) == {row.id for row in heard}
    run = protocol.run(PAIR, teachers, (False,))
    assert next(run) == protocol.opening(PAIR, teachers, (False,)), "whoever knows of no pilot asks the same"


def test_offset_and_its_interval() -> None:
    chance = random.Random(1)
    pairs = [(own + 0.7 + chance.gauss(0, 0.5), -own + 0.7) for own in (chance.gauss(0, 3) for _ in range(400))]
    heard = [said("t", *pair) for pair in pairs]
    (found,) = learned_from(heard, ("t",)).habits
    assert found.pairs == 400
    # Half of the noise counts, over the square root of 400.
    assert found.offset_error == pytest.approx(1.96 * 0.25 / 20, rel=0.1)
    assert abs(found.offset - 0.7) < 2 * found.offset_error
    assert 0.7 < found.consistency < 0.95
    assert found.gap is None


def test_what_cannot_be_read_teaches_nothing() -> None:
    heard = [said("t", 1, 1)] * (FEWEST - 1) + [said("t", None, 9), said("t", 9, None), []]
    learned = learned_from(heard, ("t",))
    assert (learned.comparisons, learned.habits) == (FEWEST + 2, ())
    assert learned_from([*heard, said("t", 1, 1)], ("t",)).habits[0].offset == 1


def test_gap_is_the_least_that_keeps_the_winners() -> None:
    """Of an offset of 1 with an error of 4 either way, margins up to 2.5 have changed sides."""
    steady = [(own + 1.0, -own + 1.0) for own in range(-50, 51)]
    unsure = [(own + 1 + error, -own + 1 + error) for own in (-1.5, 1.5) for error in (4, -4)]
    assert gap_for([*steady, *unsure], 0.01) == 2.5
    assert gap_for(steady, 0) == 1, "the offset: a tie as shown tells nothing"
    assert gap_for([*steady, *unsure], 0.2) == 1


@pytest.mark.parametrize("size", [1, 3])
def test_a_flat_teacher_has_no_gap(size: int) -> None:
    """Its gap is always the same, and whom it favours is a coin."""
    chance = random.Random(size)
    flat = [(chance.choice((-size, size)), chance.choice((-size, size))) for _ in range(300)]
    assert gap_for(flat, 0.01) is None
    learned = AdaptiveSwap().learn([said("t", *pair) for pair in flat], ("t",))
    asks, _, verdict = drive(AdaptiveSwap(), biased(5, 0), learned)
    assert of(asks) == [("t", FORWARD), ("t", BACKWARD)]
    assert verdict.flags == ("no_gap_information",)


def test_offset_corrected_takes_the_offset_off_one_order() -> None:
    asks, _, verdict = drive(OffsetCorrected(), biased(-0.5, 1), knowing(habit()))
    assert of(asks) == [("t", FORWARD)]
    assert (verdict.winner, verdict.margin, verdict.consistent, verdict.flags) == ("second", -0.5, None, ())
    asks, _, verdict = drive(OffsetCorrected(tie_margin=0.5), biased(-0.5, 1), knowing(habit()))
    assert verdict.winner == "tie"


@pytest.mark.parametrize("protocol", [OffsetCorrected(), Jury(orders="one")])
def test_a_teacher_of_unknown_offset_is_asked_in_both_orders(protocol: Piloted) -> None:
    asks, _, verdict = drive(protocol, biased(-0.5, 1), knowing(habit("u")), ("u", "t"))
    assert of(asks) == [("u", FORWARD), ("t", FORWARD), ("t", BACKWARD)]
    assert (verdict.margin, verdict.flags) == (-0.5, ("offset_unknown", "order_inconsistent"))


@pytest.mark.parametrize(
    ("own", "asked", "winner", "consistent"),
    [(1.1, 1, "first", None), (1.0, 2, "first", False), (-1.0, 2, "second", False), (-1.1, 1, "second", None)],
)
def test_adaptive_swap_asks_again_within_the_gap(own: float, asked: int, winner: str, consistent: object) -> None:
    asks, _, verdict = drive(AdaptiveSwap(), biased(own, 1), knowing(habit()))
    assert len(asks) == asked
    assert (verdict.winner, verdict.margin, verdict.flags) == (
        winner, own, ("order_inconsistent",) if consistent is False else ()
    )  # fmt: skip
    assert verdict.consistent is consistent


def test_adaptive_swap_gives_an_unreadable_teacher_its_other_order() -> None:
    asks, _, verdict = drive(
        AdaptiveSwap(), lambda ask: None if ask.shown == FORWARD else 4.0, knowing(habit(offset=1))
    )
    assert len(asks) == 2
    assert (verdict.winner, verdict.margin, verdict.flags) == ("second", -3, ("one_order_failed",))


def test_adaptive_swap_asks_each_teacher_for_itself_and_all_reference_modes() -> None:
    def answer(ask: Ask) -> Margin:
        return biased(0.5 if ask.teacher == "near" else 4, 1)(ask)

    habits = knowing(habit("near"), habit("far"))
    asks, _, verdict = drive(AdaptiveSwap(), answer, habits, ("near", "far"), (True, False))
    assert of(asks[4:]) == [("near", BACKWARD)] * 2
    assert [ask.with_reference for ask in asks[4:]] == [True, False]
    assert (verdict.margin, verdict.flags) == (2.25, ("order_inconsistent",)), "asked once is no failed order"


def test_jury_leaves_out_the_answers_own_families() -> None:
    families = {"a": "oak", "b": "elm", "c": None}
    assert Jury().panel(families, {"oak", "pine"}) == ("b", "c")
    assert Jury().panel(families, {"pine"}) == ("a", "b", "c")
    assert Jury(own_family=True).panel(families, {"oak"}) == ("a", "b", "c")
    assert Jury().panel({"a": "oak"}, {"oak"}) == ("a",), "somebody has to"
    assert OffsetCorrected().panel(families, {"oak"}) == ("a", "b", "c")


@pytest.mark.parametrize(("shared", "votes"), [(0.0, 3.0), (1.0, 1.5), (100.0, 1.0)])
def test_effective_votes_of_three_teachers(shared: float, votes: float) -> None:
    """Own errors of variance 1 and a shared part: rho = shared^2 / (1 + shared^2)."""
    chance = random.Random(2)
    heard = []
    for _ in range(3000):
        common = shared * chance.gauss(0, 1)
        margins = {teacher: common + chance.gauss(0, 1) for teacher in "abc"}
        heard.append([row for teacher, margin in margins.items() for row in said(teacher, margin, -margin)])
    learned = Jury().learn(heard, tuple("abc"))
    assert learned.votes == pytest.approx(votes, rel=0.05)
    assert Jury().learn(heard, ("a",)).votes is None


def test_cascade_asks_the_strong_one_where_the_cheap_ones_are_unsure() -> None:
    learned = knowing(habit("strong"), ask_below=1.5)

    def answer(own: float) -> Callable[[Ask], Margin]:
        return lambda ask: biased(own if ask.teacher == "cheap" else -6, 1)(ask)

    asks, _, verdict = drive(Cascade(), answer(2), learned, ("cheap", "strong"))
    assert of(asks) == [("cheap", FORWARD), ("cheap", BACKWARD)]
    assert (verdict.winner, verdict.margin, verdict.consistent) == ("first", 2, True)
    asks, heard, verdict = drive(Cascade(), answer(1.5), learned, ("cheap", "strong"))
    assert of(asks[2:]) == [("strong", FORWARD)]
    assert (verdict.winner, verdict.margin) == ("second", (1.5 - 6) / 2)
    assert verdict.judgment_ids == tuple(row.id for row in heard)
    asks, *_ = drive(Cascade(strong_orders="both"), answer(1.5), learned, ("cheap", "strong"))
    assert of(asks[2:]) == [("strong", FORWARD), ("strong", BACKWARD)]


def test_cascade_asks_the_strong_one_where_the_cheap_ones_cannot_be_read() -> None:
    learned = knowing(habit("strong"), ask_below=1.5)
    asks, _, verdict = drive(Cascade(), lambda ask: None if ask.teacher == "cheap" else 4, learned, ("cheap", "strong"))
    assert len(asks) == 3
    assert (verdict.winner, verdict.margin) == ("first", 3)


@pytest.mark.parametrize(("share", "asked"), [(0, 0), (1, 1)], ids=["nobody", "everybody"])
def test_cascade_asks_about_nothing_and_about_everything(share: float, asked: int) -> None:
    """Also about margins that the pilot did not see."""
    heard = [[*said("cheap", margin, -margin), *said("strong", 9, 9)] for margin in range(2, 90)]
    learned = Cascade(share=share).learn(heard, ("cheap", "strong"))
    for own in (1, 40, 200):
        asks, *_ = drive(Cascade(share=share), lambda _, own=own: own, learned, ("cheap", "strong"))  # type: ignore[misc]
        assert len(asks) == 2 + asked


def test_teachers_that_contradict_each_other_are_independent_votes_at_most() -> None:
    heard = [[*said("a", margin, -margin), *said("b", -margin, margin)] for margin in range(1, 60)]
    learned = learned_from(heard, ("a", "b"))
    assert learned.correlation == pytest.approx(-1)
    assert learned.votes == 2


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, (1, 1)), (0.35, (35, 1)), (0.99, (99, 1))], ids=["few", "a third", "most"]
)
def test_cascade_learns_below_which_margin_the_share_lies(share: float, expected: tuple[float, float]) -> None:
    margins = [*range(1, 101)]
    random.Random(3).shuffle(margins)
    heard = [[*said("cheap", margin, -margin), *said("strong", 900, 900)] for margin in margins]
    learned = Cascade(share=share).learn(heard, ("cheap", "strong"))
    assert (learned.ask_below, learned.ask_part) == pytest.approx(expected)
    assert learned.habit("strong") is not None


def test_of_equal_margins_cascade_asks_about_a_part() -> None:
    """Half of the pilot has a margin of 1, the others 2: a share of three quarters takes half of those."""
    heard = [said("cheap", margin, -margin) for margin in (1, 2) * 50]
    learned = Cascade(share=0.75).learn(heard, ("cheap", "strong"))
    assert (learned.ask_below, learned.ask_part) == (2, 0.5)
    asked = {1: 0, 2: 0, 3: 0}
    for number in range(400):
        pair = Comparison(task_id=str(number), answer_ids=("x", "y"), models=("a", "b"))
        margin = 1 + number % 3
        run = Cascade().continued(pair, ("cheap", "strong"), (False,), said("cheap", margin, -margin), learned)
        try:
            asked[margin] += len(next(run)) > 0
        except StopIteration:
            continue
    assert (asked[1], asked[3]) == (134, 0)
    assert 45 < asked[2] < 90


def test_expected_calls_are_at_most_the_bound() -> None:
    for protocol in ALL:
        for teacher in (0, 1):
            assert 0 < protocol.expected(teacher, 2, 2) <= protocol.calls(1, 2)
    assert [Cascade(share=0.25).expected(teacher, 2, 1) for teacher in (0, 1)] == [2, 0.25]


def test_of_a_cascades_pilot_the_strong_teacher_is_asked_about_a_part() -> None:
    protocol = Cascade(pilot=600, strong_pilot=120)
    pairs = [Comparison(task_id=str(number), answer_ids=("a", "b"), models=("m", "n")) for number in range(3000)]
    asked = sum(protocol.teaches(pair) for pair in pairs)
    assert abs(asked - 600) < 4 * (3000 * 0.2 * 0.8) ** 0.5
    # A fifth in both orders, and of the others the share in one.
    assert [protocol.in_pilot(teacher, 2) for teacher in (0, 1)] == [1.0, pytest.approx(0.2 + 0.8 * 0.35 / 2)]
    assert all(Cascade(pilot=100).teaches(pair) for pair in pairs)
    assert all(AdaptiveSwap().teaches(pair) for pair in pairs)


@pytest.mark.parametrize(
    ("budget", "comparisons", "share"),
    [(None, 5000, 0.35), (1096, 5000, 0.2), (120, 5000, 0.0), (4000, 5000, 0.35), (300, 100, 0.35)],
)
def test_a_cascade_keeps_to_its_budget(budget: int | None, comparisons: int, share: float) -> None:
    found = Cascade(budget=budget).within(lambda: comparisons)
    assert found.share == pytest.approx(share)


def test_a_budget_below_the_pilots_is_refused() -> None:
    with pytest.raises(ValueError, match=r"budget must be at least strong_pilot, 120 \(got 40\)"):
        Cascade(budget=40)


def test_who_has_no_budget_does_not_count() -> None:
    def count() -> int:
        raise AssertionError("a walk through the source")

    assert [protocol.within(count) for protocol in ALL] == ALL
