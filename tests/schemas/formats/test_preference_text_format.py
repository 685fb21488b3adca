"""TRL's preference format as plain text: the blank before an answer is the answer's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.preference_text import PreferenceText
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
    CHAT,
    PAIRS,
    REFUSED_MARGINS,
    REFUSED_TO_TRAIN,
    SYSTEM,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    pair,
    records,
    texts,
)

HALF = PreferenceText(test_share=0.5)
"""What the golden files were written with."""


def test_it_is_found_by_name() -> None:
    assert load(PreferenceText, "preference_text") is PreferenceText


def test_the_golden_files() -> None:
    check_golden(HALF, "preference_text", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(chat=False), ties=False))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(HALF, example)
    assert texts(again) == texts(example)
    assert again.task.messages == example.task.messages


@settings(max_examples=25, deadline=None)
@given(some.pairs(some.tasks(), ties=False))
def test_flattened_chats_are_written_the_same_again(example: Example) -> None:
    assert texts(check_round_trip(PreferenceText(flatten=True), example)) == texts(example)


def test_chats_are_labelled_paragraphs_on_request() -> None:
    ((_, row),) = PreferenceText(flatten=True).encode(pair(messages=CHAT))
    assert row["prompt"] == "User: How many moons has Mars?\n\nAssistant: Two.\n\nUser: And Venus?"


@pytest.mark.parametrize("answer", ["Two.", " Two.", "\tTwo."])
def test_an_answer_has_one_blank_more_in_the_file_and_its_own_blanks_again_afterwards(answer: str) -> None:
    files = encoded(PreferenceText(test_share=0), [pair((answer, "None."))])
    assert files["train.jsonl"][0]["chosen"] == f" {answer}"
    (again,) = decoded(PreferenceText(), files)
    assert texts(again)["won"] == answer


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *REFUSED_TO_TRAIN,
        *REFUSED_MARGINS,
        ("not_single_turn", pair(messages=CHAT)),
        ("not_single_turn", pair(messages=SYSTEM)),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(PreferenceText().encode(example))
    assert refused.value.reason == reason


def test_published_sets_without_the_blank_are_read() -> None:
    row = {"prompt": "The sky is", "chosen": "blue.", "rejected": "green."}
    (example,) = decoded(PreferenceText(), {"test.jsonl": [row]})
    assert texts(example) == {"won": "blue.", "lost": "green."}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": []}, "prompt: expected text (got [])"),
        ({"chosen": None}, "chosen: expected text (got None)"),
        ({"rejected_model": 3}, "rejected_model: expected text (got 3)"),
        ({"margin": "3"}, "margin: expected a number (got '3')"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("preference_text", "train.jsonl")
    assert details(PreferenceText(), "train.jsonl", [rows[0], {**rows[1], **change}]) == [f"train.jsonl:2: {message}"]
