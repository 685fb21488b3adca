"""TRL's explicit preference format: golden in both directions, and nothing in it that TRL cannot train on."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.judgelm import JudgeLMFormat
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
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
)  # fmt: skip

HALF = Preference(test_share=0.5)
"""What the golden files were written with."""


def _generated(seed: int, count: int) -> list[Example]:
    draw = random.Random(seed)
    examples = []
    for _ in range(count):
        margin = draw.choice((0.5, 1, 3, 8.25))
        winner = draw.choice(("first", "second"))
        answers = (f"Answer {draw.random()}", f"Réponse\n{draw.random()}")
        examples.append(pair(answers, messages=SYSTEM, winner=winner, margin=margin if winner == "first" else -margin))
    return examples


def test_it_is_found_by_name() -> None:
    assert load(Preference, "preference") is Preference


def test_the_golden_files() -> None:
    check_golden(HALF, "preference", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(), ties=False))
def test_what_is_carried_comes_back_and_is_written_the_same_again_but_for_the_verdicts_id(example: Example) -> None:
    assert texts(check_round_trip(HALF, example, but=["id"])) == texts(example)


def test_rows_hold_what_trl_reads() -> None:
    example = pair(messages=SYSTEM, winner="second", margin=-3.0)
    ((name, row),) = Preference(test_share=0).encode(example)
    assert name == "train.jsonl"
    assert row["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How many moons has Venus?"},
    ]
    assert row["chosen"] == [{"role": "assistant", "content": "Two."}]
    assert row["rejected"] == [{"role": "assistant", "content": "None."}]
    assert (row["margin"], row["chosen_model"], row["rejected_model"]) == (3.0, "model-1", "model-0")
    assert example.verdict
    assert row["id"] == example.verdict.id


def test_decoded_winners_are_not_always_the_first() -> None:
    verdicts = [example.verdict for example in decoded(Preference(), encoded(Preference(), _generated(6, 80)))]
    assert 20 <= [verdict.winner for verdict in verdicts if verdict].count("first") <= 60
    for verdict in verdicts:
        assert verdict
        assert ((verdict.margin or 0) > 0) == (verdict.winner == "first")


def test_tasks_are_held_out_as_in_the_other_formats() -> None:
    """The same question must not be trained on in one export and tested on in another."""
    for example in PAIRS[:7]:
        (name, _), *_ = JudgeLMFormat(val_share=0.5).encode(example)
        if example.verdict and example.verdict.winner != "tie":
            assert [file == "test.jsonl" for file, _ in HALF.encode(example)] == ["_val" in name]


@pytest.mark.parametrize(("reason", "example"), [*REFUSED_TO_TRAIN, *REFUSED_MARGINS])
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(Preference().encode(example))
    assert refused.value.reason == reason


def test_files_with_only_the_three_columns_are_read() -> None:
    rows = [{key: row[key] for key in ("prompt", "chosen", "rejected")} for row in records("preference", "train.jsonl")]
    found = decoded(Preference(), {"train.jsonl": rows})
    assert len(found) == len(rows)
    assert {example.verdict.margin for example in found if example.verdict} == {None}
    assert {answer.model for example in found for answer in example.answers} == {"unknown"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "text"}, "prompt: expected a list of objects (got 'text')"),
        ({"prompt": []}, "prompt: the last message must be the user's"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "prompt: the last message must be the user's"),
        (
            {"prompt": [{"role": "human", "content": "x"}]},
            "prompt.0.role: no such value (got 'human'). Known: assistant, system, user.",
        ),
        ({"chosen": []}, "chosen: expected one message of the assistant"),
        ({"chosen": [{"role": "user", "content": "x"}]}, "chosen: expected one message of the assistant"),
        ({"rejected": [{"role": "assistant"}]}, "rejected.0.content: expected text, but there is no such key"),
        ({"margin": "3"}, "margin: expected a number (got '3')"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("preference", "train.jsonl")
    assert details(Preference(), "train.jsonl", [rows[0], {**rows[1], **change}]) == [f"train.jsonl:2: {message}"]
