"""Kaggle's table of the arena's votes: JSON arrays as text, three columns that say who won."""

from __future__ import annotations

import csv
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from prefmill.schemas.formats import Record
from prefmill.schemas.formats.arena_kaggle import ArenaKaggle
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example, Loss, Message

from . import examples as some
from .round_trip import (
    CHAT,
    GOLDEN,
    REFUSED,
    SYSTEM,
    TWICE,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    pair,
    records,
)
from .votes import VOTES, check_refusals

ROWS = "train.csv"
KAGGLE = ArenaKaggle()
ONE_WINNER = "winner_model_a: expected one winner among winner_model_a, winner_model_b, winner_tie"


def published() -> list[Record]:
    """Rows as a reader of CSV gives them: all values are text."""
    with (GOLDEN / "arena_kaggle" / "published.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def spoken(example: Example) -> Example:
    """The same without a system prompt."""
    return example.model_copy(update={"task": example.task.model_copy(update={"messages": example.task.turns})})


def test_it_is_found_by_name() -> None:
    assert load(ArenaKaggle, "arena_kaggle") is ArenaKaggle


def test_the_golden_files() -> None:
    check_golden(KAGGLE, "arena_kaggle", VOTES)


@settings(max_examples=50, deadline=None)
@given((some.pairs(some.tasks()) | some.reviewed(some.tasks(), votes=3)).map(spoken))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(KAGGLE, example)
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert [review.winner for review in again.reviews] == [review.winner for review in example.reviews]
    assert [review.annotator for review in again.reviews] == [review.annotator for review in example.reviews]
    assert again.task.messages == example.task.messages
    if example.verdict is not None:
        assert again.verdict is not None and again.verdict.winner == example.verdict.winner
    (first, *others) = encoded(KAGGLE, [example])[ROWS]
    assert len({first["id"], *(row["id"] for row in others)}) == 1 + len(others)


def test_a_table_of_text_is_the_same_table() -> None:
    """A CSV has no numbers."""
    rows = encoded(KAGGLE, VOTES)[ROWS]
    as_text = [{key: str(value) for key, value in row.items()} for row in rows]
    assert decoded(KAGGLE, {ROWS: as_text}) == decoded(KAGGLE, {ROWS: rows})


def test_published_rows_are_read() -> None:
    first, second, empty_turn, broken = KAGGLE.decode({ROWS: published()})
    assert isinstance(first, Example) and isinstance(second, Example)
    assert first.task.source_id == "30192"
    assert [message.role for message in first.task.messages] == ["user", "assistant", "user"]
    assert [answer.text for answer in first.answers] == ["Yes.", "That’s a matter of taste."]
    assert [(review.annotator, review.winner) for review in first.reviews] == [("unknown", "first")]
    assert (second.task.messages, second.verdict) == ((Message(role="user", content="Name two seas."),), None)
    assert second.answers[1].text == "North, Baltic\n\nUser: Two more.\n\nAssistant: Dead, Coral"
    assert isinstance(empty_turn, Loss) and isinstance(broken, Loss)
    assert empty_turn.row_id == "train.csv:3 (id 65089)"
    assert empty_turn.detail == "response_a: expected a JSON array of texts (got one with an entry that is none)"
    assert broken.detail.startswith("response_a: expected a JSON array of texts (")


def test_a_published_row_is_written_with_its_own_id_and_columns() -> None:
    original = published()[0]
    (row,) = encoded(KAGGLE, decoded(KAGGLE, {ROWS: [original]}))[ROWS]
    arrays = ("prompt", "response_a", "response_b")
    for key in arrays:
        assert orjson.loads(row[key]) == orjson.loads(original[key])
    same = [key for key in original if key not in arrays]
    assert {key: str(row[key]) for key in same} == {key: original[key] for key in same}
    assert list(row) == [*original, "judge"]


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *REFUSED,
        ("system_prompt", pair(messages=SYSTEM)),
        ("turns_do_not_alternate", pair(messages=TWICE)),
        ("judge_named_like_a_person", pair(protocol="arena_user_1")),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    check_refusals(KAGGLE, reason, example)


def test_a_chat_is_one_entry_a_turn() -> None:
    (row,) = encoded(KAGGLE, [pair(messages=CHAT)])[ROWS]
    assert orjson.loads(row["prompt"]) == ["How many moons has Mars?", "And Venus?"]
    assert orjson.loads(row["response_b"]) == ["Two.", "Two."]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"winner_tie": 1}, f"{ONE_WINNER} (got 2)"),
        ({"winner_model_a": "0"}, f"{ONE_WINNER} (got 0)"),
        ({"winner_model_a": True}, "winner_model_a: expected 0 or 1 (got True)"),
        ({"winner_model_a": "yes"}, "winner_model_a: expected 0 or 1 (got 'yes')"),
        ({"prompt": '"text"'}, "prompt: expected a JSON array of texts"),
        ({"response_a": '["a", "b"]'}, "response_a: expected one response for each of 1 turns (got 2)"),
        ({"prompt": "[]", "response_a": "[]", "response_b": "[]"},
         "response_a: expected one response for each of 0 turns (got 0)"),
        ({"id": "x1"}, "id: expected a whole number (got 'x1')"),
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_a_loss_that_names_line_and_key(change: dict[str, Any], detail: str) -> None:
    row = records("arena_kaggle", "train.jsonl")[0]
    bad = {**row, **change}
    assert details(KAGGLE, ROWS, [row, bad]) == [f"{ROWS}:2 (id {bad['id']}): {detail}"]


def test_rows_without_winners_are_losses() -> None:
    (row, *_) = published()
    test = {key: value for key, value in row.items() if not key.startswith(("winner", "model"))}
    assert details(KAGGLE, ROWS, [test]) == [f"{ROWS}:1 (id 30192): winner_model_a: there is no such key"]
