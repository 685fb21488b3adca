"""AlpacaEval's annotations: one number from 1 to 2, of which 1.5 is a tie and null a failure."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.alpaca_eval import AlpacaEval
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example, Loss

from . import examples as some
from .round_trip import CHAT, PAIRS, REFUSED, SYSTEM, check_golden, check_round_trip, decoded, details, pair, records

DATA = os.environ.get("PREFMILL_ALPACA_EVAL")
"""A folder with published annotations: `instructions.jsonl.gz`, `answers.jsonl.gz`, `gpt4_preferences.jsonl.gz`."""


def row_of(example: Example, baseline: str | None = None) -> dict[str, Any]:
    """The one annotation of an example."""
    ((_, row),) = AlpacaEval(baseline=baseline).encode(example)
    return row


def test_it_is_found_by_name() -> None:
    assert load(AlpacaEval, "alpaca_eval") is AlpacaEval


def test_the_golden_files() -> None:
    check_golden(AlpacaEval(), "alpaca_eval", PAIRS)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(chat=False), both=True))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(AlpacaEval(), example)
    assert [(a.text, a.model) for a in again.answers] == [(a.text, a.model) for a in example.answers]
    assert again.verdict
    assert example.verdict
    assert again.verdict.winner == example.verdict.winner


@settings(max_examples=200, deadline=None)
@given(st.floats(1, 2))
def test_any_preference_is_read_and_written_again_as_it_stood(preference: float) -> None:
    row = {**records("alpaca_eval", "annotations.jsonl")[0], "preference": preference}
    (example,) = decoded(AlpacaEval(), {"annotations.json": [row]})
    assert row_of(example) == row
    assert example.verdict
    assert example.verdict.winner == ("tie" if preference == 1.5 else "first" if preference < 1.5 else "second")
    assert (example.verdict.margin or 0.0) == pytest.approx(3 - 2 * preference)
    swapped = row_of(example, baseline=row["generator_2"])
    assert (swapped["output_1"], swapped["generator_1"]) == (row["output_2"], row["generator_2"])
    assert swapped["preference"] == pytest.approx(3 - preference)


@pytest.mark.parametrize(
    ("example", "preference"),
    [
        (pair(), 1.0),
        (pair(winner="second", margin=-1.0), 2.0),
        (pair(winner="tie", margin=0.0), 1.5),
        (pair(scores=[(9, 2)]), 1.0),
        (pair(scores=[(0.75, 0.25)]), 1.25),
        (pair(scores=[(0.75, 0.25), (0.5, 0.5)]), 1.375),
        (pair(scores=[(0.75, 0.25), (0.8, 0.1)]), 1.0),
        (pair(scores=[(0.25, 0.75)]), 1.0),  # the verdict decides
    ],
)
def test_the_preference_is_the_verdicts_or_the_share_of_output_2(example: Example, preference: float) -> None:
    assert row_of(example)["preference"] == preference


def test_a_margin_is_as_far_from_0_as_the_preference_says() -> None:
    row = records("alpaca_eval", "annotations.jsonl")[0]
    found = decoded(AlpacaEval(), {"annotations.json": [{**row, "preference": value} for value in (1.1, 1.4, 1.9)]})
    assert [example.verdict.margin for example in found if example.verdict] == [0.8, 0.2, -0.8]


def test_a_tie_was_0_in_older_files() -> None:
    row = records("alpaca_eval", "annotations.jsonl")[0]
    (example,) = decoded(AlpacaEval(), {"annotations.json": [{**row, "preference": 0, "raw_completion": "..."}]})
    assert example.verdict
    assert (example.verdict.winner, row_of(example)["preference"]) == ("tie", 1.5)


def test_equal_and_empty_outputs_are_kept_where_neither_wins() -> None:
    assert row_of(pair(("Two.", "Two."), winner="tie", margin=0.0))["preference"] == 1.5
    assert row_of(pair(("Two.", "")))["output_2"] == ""


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *REFUSED,
        ("not_single_turn", pair(messages=CHAT)),
        ("not_single_turn", pair(messages=SYSTEM)),
        ("identical_answers", pair(("Two.", "Two."))),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(AlpacaEval().encode(example))
    assert refused.value.reason == reason


def test_a_pair_without_the_baseline_is_refused() -> None:
    with pytest.raises(CannotCarry, match="no_baseline"):
        row_of(pair(), baseline="model-2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preference": None}, "preference: the annotation failed (null)"),
        ({"preference": float("nan")}, "preference: the annotation failed (NaN)"),
        ({"preference": 2.5}, "preference: expected 1 to 2, or 0 for a tie (got 2.5)"),
        ({"preference": -1}, "preference: expected 1 to 2, or 0 for a tie (got -1.0)"),
        ({"preference": "1"}, "preference: expected a number (got '1')"),
        ({"output_1": None}, "output_1: expected text (got None)"),
        ({"instruction": 7}, "instruction: expected text (got 7)"),
    ],
)
def test_a_failed_annotation_and_a_row_that_is_none_are_losses(change: dict[str, Any], message: str) -> None:
    rows = records("alpaca_eval", "annotations.jsonl")
    assert details(AlpacaEval(), "annotations.json", [rows[0], {**rows[1], **change}]) == [
        f"annotations.json:2: {message}"
    ]


@pytest.mark.skipif(DATA is None, reason="PREFMILL_ALPACA_EVAL does not name a folder of published annotations")
def test_published_annotations_come_back_as_they_stood() -> None:
    def lines(name: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in gzip.decompress(Path(DATA or "", name).read_bytes()).splitlines()]

    tasks = {row["id"]: row for row in lines("instructions.jsonl.gz")}
    outputs = {(row["instruction_id"], row["model"]): row["text"] for row in lines("answers.jsonl.gz")}
    rows = [
        {
            "dataset": tasks[row["instruction_id"]]["dataset"],
            "instruction": tasks[row["instruction_id"]]["instruction"],
            "output_1": outputs[row["instruction_id"], row["model_1"]],
            "generator_1": row["model_1"],
            "output_2": outputs[row["instruction_id"], row["model_2"]],
            "generator_2": row["model_2"],
            "annotator": row["annotator"],
            "preference": row["preference"],
        }
        for row in lines("gpt4_preferences.jsonl.gz")
    ]
    found = list(AlpacaEval().decode({"annotations.json": rows}))
    assert not [row for row in found if isinstance(row, Loss)]
    examples = [row for row in found if isinstance(row, Example)]
    again = [row_of(example) for example in examples]
    assert again == rows
    counts = Counter(example.verdict.winner for example in examples if example.verdict)
    assert counts["second"] == sum(row["preference"] > 1.5 for row in rows)
