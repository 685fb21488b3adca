"""Rows of which there are too many: planted sets come out with the shares that are asked for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import pytest
from pydantic import ValidationError

from prefmill.curation.balance.axes import Axis, value
from prefmill.curation.balance.raking import Margin, raked
from prefmill.curation.balance.whole import whole
from prefmill.curation.filters.balance import Balance
from prefmill.schemas.rows import Answer, Example, Grade, Message, Task
from tests.curation.judged_pairs import judged_pair


def pairs(count: int, first: float, ties: float = 0.0, seed: int = 0) -> list[Example]:
    """Pairs of three models of which the first answer wins with probability `first`."""
    draw = random.Random(seed)
    models = [("a", "b"), ("a", "c"), ("b", "c")]
    found = []
    for number in range(count):
        margin = 0 if draw.random() < ties else 2 if draw.random() < first else -2
        found.append(judged_pair(number, (margin, margin), models=draw.choices(models, (6, 3, 1))[0]))
    return found


def graded(number: int, score: float, category: str) -> Example:
    task = Task(source_id=str(number), messages=(Message(role="user", content="Why?"),), category=category)
    answer = Answer(task_id=task.id, model="m", text="So.")
    grade = Grade(answer_id=answer.id, task_id=task.id, teacher="t", judge="prometheus_absolute", score=score)
    return Example(index=number, task=task, answers=(answer,), grades=(grade,))


def kept(plugin: Balance, examples: list[Example]) -> list[Example]:
    dropped = plugin.choose(lambda: examples).dropped
    assert all(dropped.values())
    return [example for example in examples if plugin.key(example) not in dropped]


def shares(values: Iterable[str | None]) -> dict[str | None, float]:
    counts = Counter(values)
    return {name: count / counts.total() for name, count in counts.items()}


def test_the_winner_stands_first_as_often_as_second() -> None:
    rows = pairs(3000, 0.62, ties=0.1)
    left = kept(Balance(), rows)
    winners = Counter(value("winner", row) for row in left)
    assert winners["first"] / (winners["first"] + winners["second"]) == pytest.approx(0.5, abs=0.01)
    before = Counter(value("winner", row) for row in rows)
    assert winners["tie"] == before["tie"], "ties are no matter of the place"
    assert winners["second"] == before["second"], "no more is dropped than need be"


def test_the_choice_depends_on_the_rows_alone_and_tells_what_it_did() -> None:
    rows = pairs(500, 0.7)
    chosen = Balance().choose(lambda: rows)
    assert Balance().choose(lambda: rows[::-1]) == chosen
    assert Balance(seed=1).choose(lambda: rows).dropped.keys() != chosen.dropped.keys()
    second = sum(value("winner", row) == "second" for row in rows)
    assert chosen.told == {
        "rows": 500,
        "kept": 2 * second,
        "winner": {
            "first": {"rows": 500 - second, "kept": second, "share": 0.5, "wanted": 0.5, "too_few": 0},
            "second": {"rows": second, "kept": second, "share": 0.5, "wanted": 0.5, "too_few": 0},
        },
    }
    assert set(chosen.dropped.values()) == {f"{second} of {500 - second} rows stay of winner first"}


def test_several_axes_at_once() -> None:
    rows = pairs(3000, 0.6)
    left = kept(Balance(over={"winner": "uniform", "models": {"a and b": 2, "a and c": 1, "b and c": 1}}), rows)
    assert shares(value("winner", row) for row in left) == pytest.approx({"first": 0.5, "second": 0.5}, abs=0.01)
    found = shares(value("models", row) for row in left)
    # Of `b and c` there are too few: all but what the places cost stay, and half of all rows stay.
    assert len(left) == pytest.approx(1500, abs=10)
    assert found["a and b"] / found["a and c"] == pytest.approx(2, abs=0.05)
    told = Balance(over={"models": {"a and b": 2, "a and c": 1, "b and c": 1}}).choose(lambda: rows).told
    has = told["models"]["b and c"]
    assert has["kept"] == has["rows"] and has["too_few"] == 1500 // 4 - has["rows"]


def test_scores_and_categories_of_graded_answers() -> None:
    draw = random.Random(1)
    rows = [
        graded(k, draw.choices((1, 2, 3, 4, 5), (2, 3, 4, 6, 5))[0], draw.choice(("code", "prose", "prose")))
        for k in range(2000)
    ]
    left = kept(Balance(over={"score": "uniform", "category": {"code": 1, "prose": 1}}, least=0.1), rows)
    assert shares(value("score", row) for row in left) == pytest.approx(dict.fromkeys("12345", 0.2), abs=0.01)
    assert shares(value("category", row) for row in left) == pytest.approx({"code": 0.5, "prose": 0.5}, abs=0.01)
    assert len(left) > 0.45 * len(rows)


def test_a_value_that_is_nowhere_does_not_cost_all_rows() -> None:
    rows = pairs(400, 0.5)
    told = Balance(over={"models": {"a and b": 1, "x and y": 1}}, least=0.5).choose(lambda: rows).told
    assert told["models"]["x and y"]["too_few"] > 0
    assert told["kept"] >= 200


@pytest.mark.parametrize("axis", ["winner", "score", "category"])
def test_an_axis_on_which_no_row_has_a_value_drops_none(axis: Axis) -> None:
    rows = pairs(40, 0.5, ties=1)
    over: dict[Axis, Literal["uniform"]] = {axis: "uniform"}
    nothing = {"undefined": "no row has a value on it"}
    chosen = Balance(over=over).choose(lambda: rows)
    assert (chosen.dropped, chosen.told) == ({}, {"rows": 40, "kept": 40, axis: nothing})
    both = Balance(over={**over, "models": "uniform"}, least=0).choose(lambda: rows)
    alone = Balance(over={"models": "uniform"}, least=0).choose(lambda: rows)
    assert alone.dropped and both.dropped.keys() == alone.dropped.keys(), "the other axis has its shares all the same"
    assert both.told == {**alone.told, axis: nothing}


def test_shares_are_numbers_that_can_be_shares() -> None:
    for over in ({}, {"winner": {"first": 0}}, {"winner": {"first": -1, "second": 2}}, {"length": "uniform"}):
        with pytest.raises(ValidationError):
            Balance.model_validate({"over": over})
    assert Balance().choose(list).dropped == {}


@pytest.mark.parametrize("least", [0.0, 0.3])
def test_whole_rows_have_the_margins_of_a_table_of_many_cells(least: float) -> None:
    draw = np.random.default_rng(0)
    shape = (2, 10, 20)
    chances = draw.gamma(3, 1, size=shape).ravel()
    table = draw.multinomial(30_000, chances / chances.sum()).astype(np.float64)
    places = np.indices(shape).reshape(3, -1)
    margins = [Margin(places[axis], np.full(size, 1 / size)) for axis, size in enumerate(shape)]
    found, part = raked(table, margins, least)
    stay = whole(table, found, margins, part)
    assert (stay <= table).all() and part > 0.5
    for margin in margins:
        after = margin.sums(stay.astype(np.float64))
        assert np.abs(after / after.sum() - margin.shares).max() < 0.003


def test_the_set_is_gone_through_once() -> None:
    calls: list[int] = []

    def examples() -> list[Example]:
        calls.append(1)
        return pairs(50, 0.8)

    source: Callable[[], list[Example]] = examples
    Balance().choose(source)
    assert len(calls) == 1
