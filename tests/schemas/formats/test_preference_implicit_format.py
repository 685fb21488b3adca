"""TRL's implicit preference format: two chats that differ in the last message only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.preference_implicit import PreferenceImplicit
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
    CHAT,
    PAIRS,
    REFUSED_MARGINS,
    REFUSED_TO_TRAIN,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    pair,
    records,
    texts,
)

HALF = PreferenceImplicit(test_share=0.5)
"""What the golden files were written with."""


def test_it_is_found_by_name() -> None:
    assert load(PreferenceImplicit, "preference_implicit") is PreferenceImplicit


def test_the_golden_files() -> None:
    check_golden(HALF, "preference_implicit", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(), ties=False))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(HALF, example)
    assert texts(again) == texts(example)
    assert again.task.messages == example.task.messages


def test_the_chats_share_all_but_the_answer() -> None:
    ((_, row),) = PreferenceImplicit().encode(pair(messages=CHAT))
    asked = [message.model_dump() for message in CHAT]
    assert row["chosen"] == [*asked, {"role": "assistant", "content": "None."}]
    assert row["rejected"] == [*asked, {"role": "assistant", "content": "Two."}]


@pytest.mark.parametrize(("reason", "example"), [*REFUSED_TO_TRAIN, *REFUSED_MARGINS])
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(PreferenceImplicit().encode(example))
    assert refused.value.reason == reason


def test_published_sets_with_a_prompt_in_text_and_scores_of_their_own_are_read() -> None:
    row = {
        "prompt": "And Venus?",
        "prompt_id": "0",
        **{
            key: value
            for key, value in encoded(PreferenceImplicit(test_share=0), [pair()])["train.jsonl"][0].items()
            if key in ("chosen", "rejected")
        },
        "score_chosen": 8.0,
        "score_rejected": 5.0,
    }
    (example,) = decoded(PreferenceImplicit(), {"train.jsonl": [row]})
    assert texts(example) == {"won": "None.", "lost": "Two."}
    assert {answer.model for answer in example.answers} == {"unknown"}
    assert example.verdict
    assert example.verdict.margin is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": "text"}, "chosen: expected a list of objects (got 'text')"),
        (
            {"chosen": [{"role": "user", "content": "x"}]},
            "chosen: the last two messages must be the user's and the assistant's",
        ),
        (
            {"rejected": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
            "rejected: its messages before the last are not those of chosen",
        ),
        ({"margin": True}, "margin: expected a number (got True)"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("preference_implicit", "train.jsonl")
    assert details(PreferenceImplicit(), "train.jsonl", [rows[0], {**rows[1], **change}]) == [
        f"train.jsonl:2: {message}"
    ]
