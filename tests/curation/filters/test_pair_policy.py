"""Which of a task's judged pairs are published."""

from __future__ import annotations

from itertools import combinations

import pytest

from prefmill.curation.filters.pair_policy import PairPolicy
from prefmill.curation.standings import Judged, standings
from prefmill.schemas.rows import Answer, Comparison, Example, Message, Task, Verdict, Winner


def task_of(
    number: int, margins: dict[tuple[str, str], float], winners: dict[tuple[str, str], Winner] | None = None
) -> list[Example]:
    """A task's judged pairs: models of the first and the second answer -> margin; `winners` say otherwise."""
    task = Task(source_id=str(number), messages=(Message(role="user", content="Why?"),))
    answers = {name: Answer(task_id=task.id, model=name, text=f"{name}!") for pair in margins for name in pair}
    found: list[Example] = []
    for pair, margin in margins.items():
        ids = (answers[pair[0]].id, answers[pair[1]].id)
        comparison = Comparison(task_id=task.id, answer_ids=ids, models=pair)
        winner: Winner = "tie" if margin == 0 else "first" if margin > 0 else "second"
        verdict = Verdict(
            comparison_id=comparison.id,
            task_id=task.id,
            protocol="both_orders",
            judgment_ids=(),
            winner=(winners or {}).get(pair, winner),
            margin=margin,
        )
        both = (answers[pair[0]], answers[pair[1]])
        found.append(Example(index=len(found), task=task, answers=both, comparison=comparison, verdict=verdict))
    return found


def kept(plugin: PairPolicy, examples: list[Example]) -> list[str]:
    """Models of the pairs that stay, in their own order."""
    dropped = plugin.choose(lambda: examples).dropped
    return ["".join(one.comparison.models) for one in examples if one.comparison and plugin.key(one) not in dropped]


ALL = {(one, other): float(ord(other) - ord(one)) for one, other in combinations("abcd", 2)}


def test_the_best_and_the_worst() -> None:
    assert kept(PairPolicy(), task_of(0, ALL)) == ["ad"]
    dropped = PairPolicy().choose(lambda: task_of(0, ALL)).dropped
    assert set(dropped.values()) == {"best_worst: another of the task's 6 pairs"}


def test_each_task_by_itself() -> None:
    turned = {pair: -margin for pair, margin in ALL.items()}
    both = [*task_of(0, ALL), *task_of(1, turned)]
    assert kept(PairPolicy(), both) == ["ad", "ad"]
    told = PairPolicy().choose(lambda: both).told
    assert told == {"pairs": 12, "kept": 2, "tasks": 2, "tasks_without_a_pair": 0}


def test_where_they_did_not_meet_the_widest_pair_that_did() -> None:
    chain = {("a", "b"): 1.0, ("b", "c"): 3.0, ("c", "d"): 1.0}
    assert kept(PairPolicy(), task_of(0, chain)) == ["bc"]
    assert kept(PairPolicy(), task_of(0, {("b", "a"): -2.0})) == ["ba"]


def test_a_pair_that_contradicts_the_standings_is_not_taken() -> None:
    cycle = {**ALL, ("a", "d"): -0.5}
    assert kept(PairPolicy(), task_of(0, cycle)) in (["ac"], ["bd"])
    level = {("a", "b"): 0.0}
    assert kept(PairPolicy(), task_of(0, level)) == []
    chosen = PairPolicy().choose(lambda: task_of(0, level))
    assert list(chosen.dropped.values()) == ["best_worst: none of the task's 1 pairs has a winner"]
    assert chosen.told["tasks_without_a_pair"] == 1


def test_what_people_decided_counts_before_the_margin() -> None:
    margins = {("a", "b"): 2.0, ("a", "c"): 1.5}
    assert kept(PairPolicy(), task_of(0, margins)) == ["ab"]
    assert kept(PairPolicy(), task_of(0, margins, {("a", "b"): "second"})) == ["ac"]


def test_the_best_against_one_that_it_beat() -> None:
    chosen = {
        name for seed in range(40) for name in [kept(PairPolicy(keep="best_random", seed=seed), task_of(0, ALL))[0]]
    }
    assert chosen == {"ab", "ac", "ad"}
    tied = {**ALL, ("a", "d"): 0.0}
    assert {kept(PairPolicy(keep="best_random", seed=seed), task_of(0, tied))[0] for seed in range(40)} == {"ab", "ac"}


def test_a_least_margin_drops_pairs_that_still_count() -> None:
    assert kept(PairPolicy(keep="all"), task_of(0, ALL)) == ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert kept(PairPolicy(keep="all", margin=2), task_of(0, ALL)) == ["ac", "ad", "bd"]
    assert kept(PairPolicy(margin=4), task_of(0, ALL)) == []
    found = PairPolicy(keep="all", margin=2).choose(lambda: task_of(0, ALL)).dropped
    assert set(found.values()) == {"margin +1"}


def test_several_answers_at_once_are_left_alone() -> None:
    task = Task(messages=(Message(role="user", content="Why?"),))
    answers = tuple(Answer(task_id=task.id, model=name, text=name) for name in "abc")
    comparison = Comparison(task_id=task.id, answer_ids=tuple(one.id for one in answers), models=("a", "b", "c"))
    verdict = Verdict(
        comparison_id=comparison.id, task_id=task.id, protocol="listwise", judgment_ids=(), scores=(1, 2, 3)
    )
    example = Example(index=0, task=task, answers=answers, comparison=comparison, verdict=verdict)
    assert kept(PairPolicy(), [example]) == ["abc"]


@pytest.mark.parametrize("turned", [False, True])
def test_standings_do_not_favour_who_was_compared_more_often(turned: bool) -> None:
    margins = {("a", "b"): 3.0, ("c", "d"): 1.0, ("b", "c"): 1.0}
    pairs = [
        Judged("", *(pair[::-1] if turned else pair), margin=-margin if turned else margin)
        for pair, margin in margins.items()
    ]
    found = standings(pairs)
    assert [found["a"] - found[name] for name in "bcd"] == pytest.approx([3, 4, 5])
