"""The grid: what is missing, and that what is kept is flat in numbers and even in length whatever comes in."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.generators.authoring.grid import EVEN, FLAT, Cell, Entry, Group, balance, group_of, missing
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.rubric import Rubric

SCORES = (1, 2, 3)
GROUPS = [Group(f"rubric-{rubric}", f"instruction-{number}") for rubric in (1, 2) for number in (1, 2, 3)]


def _entry(group: int, score: int, words: int = 100, number: int = 0) -> Entry:
    return Entry(f"{group}/{score}/{number}", GROUPS[group], score, words)


WHOLE = [_entry(group, score) for group in range(6) for score in SCORES]


def test_a_whole_grid_is_kept() -> None:
    grid = balance(WHOLE, GROUPS, SCORES)
    assert (len(grid.kept), grid.dropped, grid.missing) == (18, (), ())
    assert grid.counts == {1: 6, 2: 6, 3: 6}
    assert grid.told() == "1: 6, 2: 6, 3: 6; tilt 0.0%, length gap 0.0%; missing: nothing"


def test_what_is_missing_is_said_cell_by_cell() -> None:
    entries = [entry for entry in WHOLE if entry.id not in ("0/2/0", "4/2/0", "4/3/0")]
    cells = (Cell(GROUPS[0], 2), Cell(GROUPS[4], 2), Cell(GROUPS[4], 3))
    assert missing(entries, GROUPS, SCORES) == cells
    grid = balance(entries, GROUPS, SCORES)
    assert grid.missing == cells
    assert grid.counts == {1: 4, 2: 4, 3: 4}
    # Whole instructions stay whole: what goes is what lacks its neighbours anyway.
    assert dict(grid.dropped) == dict.fromkeys(["0/1/0", "0/3/0", "4/1/0"], "more_than_other_scores")
    assert grid.told().endswith("missing: 2 of score 2, 1 of score 3")


def test_a_score_without_rows_is_told_and_nothing_is_thrown_away() -> None:
    entries = [entry for entry in WHOLE if entry.score != 2]
    grid = balance(entries, GROUPS, SCORES)
    assert (len(grid.kept), grid.tilt, len(grid.missing)) == (12, 1.0, 6)
    assert grid.counts == {1: 6, 2: 0, 3: 6}


def test_lengths_are_evened_by_dropping_as_many_of_every_score() -> None:
    longer = {1: (60, 80, 100, 100), 2: (95, 100, 100, 105), 3: (100, 105, 130, 190)}
    entries = [_entry(number, score, words) for score, some in longer.items() for number, words in enumerate(some)]
    grid = balance(entries, GROUPS, SCORES)
    assert grid.length_gap <= EVEN
    assert grid.tilt == 0
    assert {"0/1/0", "3/3/0"} <= dict(grid.dropped).keys()
    assert {reason for _, reason in grid.dropped} == {"uneven_length"}


def test_lengths_that_no_choice_makes_even_are_kept_and_told() -> None:
    entries = [_entry(group, score, 50 * score) for group in range(6) for score in SCORES]
    grid = balance(entries, GROUPS, SCORES)
    assert len(grid.kept) == 18
    assert "length gap 66.7%" in grid.told()


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(SCORES), st.integers(80, 125), st.integers(0, 3)),
        min_size=1,
        max_size=120,
        unique_by=lambda row: (row[0], row[1], row[3]),
    )
)
def test_any_grid(rows: list[tuple[int, int, int, int]]) -> None:
    entries = [_entry(*row) for row in rows]
    grid = balance(entries, GROUPS, SCORES)
    assert Counter([*grid.kept, *(name for name, _ in grid.dropped)]) == Counter(entry.id for entry in entries)
    assert set(balance(entries[::-1], GROUPS, SCORES).kept) == set(grid.kept)
    if all(grid.counts.values()):
        assert grid.tilt <= FLAT
        if not any(reason == "uneven_length" for _, reason in grid.dropped) and grid.length_gap > EVEN:
            return  # no choice of rows makes it even
        assert grid.length_gap <= EVEN


@pytest.mark.parametrize("source", ["authored", "tasks.jsonl"])
def test_where_a_task_stands_in_the_grid(source: str) -> None:
    def task(text: str, criteria: str, name: str) -> Task:
        messages = (Message(role="user", content=text),)
        return Task(source_id=name, messages=messages, rubric=Rubric(criteria=criteria), source=source)

    one, two = task("a", "x?", "rubric-1/instruction-1"), task("b", "x?", "rubric-1/instruction-2")
    other = task("a", "y?", "rubric-2/instruction-1")
    assert group_of(one).rubric == group_of(two).rubric != group_of(other).rubric
    assert group_of(one).instruction != group_of(two).instruction
    assert (group_of(one) == Group("rubric-1", "instruction-1")) == (source == "authored")
