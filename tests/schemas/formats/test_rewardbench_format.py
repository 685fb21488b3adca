"""RewardBench's first version: one text as prompt, and the subsets that its sections count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.rewardbench import SECTIONS, SUBSETS, RewardBench
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example, Message

from . import examples as some
from .round_trip import (
    CHAT,
    PAIRS,
    REFUSED_TO_TRAIN,
    SYSTEM,
    check_golden,
    check_round_trip,
    decoded,
    details,
    pair,
    records,
    texts,
)


def test_it_is_found_by_name() -> None:
    assert load(RewardBench, "rewardbench") is RewardBench


def test_the_golden_files() -> None:
    check_golden(RewardBench(), "rewardbench", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(chat=False), ties=False))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(RewardBench(), example)
    assert texts(again) == texts(example)
    assert (again.index, again.task.category) == (example.index, example.task.category or "custom")


def test_there_are_23_subsets_in_four_sections() -> None:
    assert len(SUBSETS) == sum(map(len, SECTIONS.values())) == 23
    assert list(SECTIONS) == ["Chat", "Chat Hard", "Safety", "Reasoning"]


@pytest.mark.parametrize(("category", "subset"), [("math-prm", "math-prm"), ("poems", "poems"), (None, "custom")])
def test_the_category_is_the_subset(category: str | None, subset: str) -> None:
    ((_, row),) = RewardBench().encode(pair(category=category))
    assert row["subset"] == subset
    known = RewardBench(known_subsets=True)
    if subset in SUBSETS:
        assert [encoded for _, encoded in known.encode(pair(category=category))] == [row]
        return
    with pytest.raises(CannotCarry, match="unknown_subset"):
        list(known.encode(pair(category=category)))


@pytest.mark.parametrize(
    ("reason", "example"),
    [*REFUSED_TO_TRAIN, ("not_single_turn", pair(messages=CHAT)), ("not_single_turn", pair(messages=SYSTEM))],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(RewardBench().encode(example))
    assert refused.value.reason == reason


def test_prompts_that_are_chats_are_read() -> None:
    """As in allenai/pref-test-sets, which has no names of models and no ids."""
    row = {"prompt": [message.model_dump() for message in CHAT], "chosen": "None.", "rejected": "Two."}
    (example,) = decoded(RewardBench(), {"filtered.jsonl": [row]})
    assert example.task.messages == CHAT
    assert texts(example) == {"won": "None.", "lost": "Two."}
    (example,) = decoded(RewardBench(), {"filtered.jsonl": [{**row, "prompt": "And Venus?"}]})
    assert example.task.messages == (Message(role="user", content="And Venus?"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": None}, "prompt: expected text (got None)"),
        ({"prompt": []}, "prompt: the last message must be the user's"),
        ({"chosen": ["x"]}, "chosen: expected text (got ['x'])"),
        ({"subset": 3}, "subset: expected text (got 3)"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_name_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("rewardbench", "filtered.jsonl")
    assert details(RewardBench(), "filtered.jsonl", [rows[0], {**rows[1], **change}]) == [
        f"filtered.jsonl:2 (id {rows[1]['id']}): {message}"
    ]
