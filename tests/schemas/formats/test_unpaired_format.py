"""TRL's unpaired format: a pair is two labelled rows, and two such rows are a pair again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.unpaired import Unpaired
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
    PAIRS,
    QUESTION,
    REFUSED_TO_TRAIN,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    graded,
    pair,
    records,
    texts,
)

HALF = Unpaired(test_share=0.5)
"""What the golden files were written with."""


def test_it_is_found_by_name() -> None:
    assert load(Unpaired, "unpaired") is Unpaired


def test_the_golden_files() -> None:
    check_golden(HALF, "unpaired", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(), ties=False))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(HALF, example)
    assert texts(again) == texts(example)
    assert again.task.messages == example.task.messages


@settings(max_examples=50, deadline=None)
@given(some.graded(some.tasks(levels=(1, 2, 3, 4, 5)), (1, 2, 3, 4, 5)))
def test_graded_answers_are_good_from_a_threshold_on(example: Example) -> None:
    ((_, row),) = Unpaired(desirable_from=4).encode(example)
    assert row["label"] is ((example.grades[0].score or 0) >= 4)
    (again,) = decoded(HALF, {"train.jsonl": [row]})
    assert [grade.score for grade in again.grades] == [float(row["label"])]
    assert [row for _, row in Unpaired(desirable_from=1).encode(again)] == [row]


def test_labels_are_booleans_and_the_winner_comes_first() -> None:
    rows = encoded(Unpaired(test_share=0), [pair(winner="second", margin=-2.0)])["train.jsonl"]
    assert [(row["label"], row["completion"][0]["content"], row["model"]) for row in rows] == [
        (True, "Two.", "model-1"),
        (False, "None.", "model-0"),
    ]


def test_published_rows_are_pairs_where_two_belong_together_and_graded_answers_elsewhere() -> None:
    def row(question: str, answer: str, label: bool) -> dict[str, Any]:
        asked = [{"role": "user", "content": question}]
        return {"prompt": asked, "completion": [{"role": "assistant", "content": answer}], "label": label}

    rows = [row("a", "1", True), row("b", "2", False), row("b", "3", True), row("b", "4", True), row("c", "5", False)]
    found = decoded(Unpaired(), {"train.jsonl": rows})
    assert [[answer.text for answer in example.answers] for example in found if not example.verdict] == [
        ["1"],
        ["4"],
        ["5"],
    ]
    assert [texts(example) for example in found if example.verdict] == [{"won": "3", "lost": "2"}]
    assert [example.index for example in found] == [0, 1, 2, 3]


def test_half_a_pair_is_a_loss() -> None:
    rows = records("unpaired", "train.jsonl")
    lost = "pair_id: the other row of this pair does not stand beside it"
    assert details(Unpaired(), "train.jsonl", [rows[0], rows[2], rows[3], rows[1]]) == [
        f"train.jsonl:{number}: {lost}" for number in (1, 4)
    ]


@pytest.mark.parametrize(("reason", "example"), REFUSED_TO_TRAIN)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(Unpaired().encode(example))
    assert refused.value.reason == reason


def test_an_answer_without_a_grade_or_a_text_is_refused() -> None:
    with pytest.raises(CannotCarry, match="no_grade"):
        list(Unpaired(desirable_from=3).encode(graded()))
    blank = {"prompt": [QUESTION[0].model_dump()], "completion": [{"role": "assistant", "content": " "}], "label": True}
    (example,) = decoded(Unpaired(), {"train.jsonl": [blank]})
    with pytest.raises(CannotCarry, match="empty_answer"):
        list(Unpaired(desirable_from=1).encode(example))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "true"}, "label: expected true or false (got 'true')"),
        ({"label": 1}, "label: expected true or false (got 1)"),
        ({"prompt": "text"}, "prompt: expected a list of objects (got 'text')"),
        ({"completion": []}, "completion: expected one message of the assistant"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("unpaired", "train.jsonl")
    assert details(Unpaired(), "train.jsonl", [rows[0], rows[1], {**rows[2], **change}, *rows[4:]]) == [
        f"train.jsonl:3: {message}"
    ]
