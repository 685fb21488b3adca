"""RLHFlow's standard format: rows that its filter keeps, and the judge's scores."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.rlhflow import RLHFlow
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
    CHAT,
    PAIRS,
    QUESTION,
    REFUSED_TO_TRAIN,
    SYSTEM,
    TWICE,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    pair,
    records,
    texts,
)

HALF = RLHFlow(test_share=0.5)
"""What the golden files were written with."""


def alternating(example: Example) -> Example:
    """The same without a system prompt."""
    return example.model_copy(update={"task": example.task.model_copy(update={"messages": example.task.turns})})


def test_it_is_found_by_name() -> None:
    assert load(RLHFlow, "rlhflow") is RLHFlow


def test_the_golden_files() -> None:
    check_golden(HALF, "rlhflow", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(), ties=False, both=True).map(alternating))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(HALF, example)
    assert texts(again) == texts(example)
    assert again.task.messages == example.task.messages


@settings(max_examples=25, deadline=None)
@given(some.pairs(some.tasks(), ties=False).map(alternating))
def test_rows_pass_the_filter(example: Example) -> None:
    """The rules of `filter_example` in process_pair_data.py."""
    ((_, row),) = HALF.encode(example)
    chosen, rejected = row["chosen"], row["rejected"]
    assert len(chosen) == len(rejected)
    assert [turn["role"] for turn in chosen] == ["user", "assistant"] * (len(chosen) // 2)
    assert [turn["role"] for turn in rejected] == ["user", "assistant"] * (len(chosen) // 2)
    assert all(turn["content"] for turn in (*chosen, *rejected))
    assert chosen[:-1] == rejected[:-1]


def test_scores_are_means_and_null_where_there_are_no_judgments() -> None:
    example = pair(winner="second", margin=-4.5, scores=[(3, 8), (4, 8)])
    ((_, row),) = RLHFlow().encode(example)
    assert (row["chosen_score"], row["rejected_score"]) == (8.0, 3.5)
    (again,) = decoded(RLHFlow(), {"train.jsonl": [row]})
    assert again.verdict
    assert abs(again.verdict.margin or 0) == 4.5
    ((_, row),) = RLHFlow().encode(pair())
    assert (row["chosen_score"], row["rejected_score"]) == (None, None)
    (again,) = decoded(RLHFlow(), {"train.jsonl": [row]})
    assert not again.judgments


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *REFUSED_TO_TRAIN,
        ("system_prompt", pair(messages=SYSTEM)),
        ("turns_do_not_alternate", pair(messages=TWICE)),
        ("empty_message", pair(messages=(QUESTION[0].model_copy(update={"content": ""}),))),
        ("prompt_marker_in_text", pair(("None.", "[RESPONSE A] Two."))),
        ("prompt_marker_in_text", pair(messages=(QUESTION[0].model_copy(update={"content": "<turn> user"}),))),
        ("scores_contradict_winner", pair(scores=[(1, 2)])),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(RLHFlow().encode(example))
    assert refused.value.reason == reason


def test_published_rows_without_scores_and_names_are_read() -> None:
    ((_, row),) = RLHFlow().encode(pair(messages=CHAT))
    (example,) = decoded(RLHFlow(), {"train.jsonl": [{key: row[key] for key in ("rejected", "chosen")}]})
    assert texts(example) == {"won": "None.", "lost": "Two."}
    assert example.task.messages == CHAT
    assert encoded(RLHFlow(), [example])["train.jsonl"] == [
        {**row, "chosen_model": "unknown", "rejected_model": "unknown"}
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": None}, "chosen: expected a list of objects (got None)"),
        ({"rejected": []}, "rejected: the last two messages must be the user's and the assistant's"),
        ({"chosen_score": "9"}, "chosen_score: expected a number (got '9')"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("rlhflow", "train.jsonl")
    assert details(RLHFlow(), "train.jsonl", [rows[0], {**rows[1], **change}]) == [f"train.jsonl:2: {message}"]
