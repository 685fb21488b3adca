"""Chatbot Arena's conversations: people's votes and models' verdicts, and the rows that were published."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from prefmill.schemas.formats.arena import Arena
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example, Message, Verdict

from . import examples as some
from .round_trip import CHAT, REFUSED, SYSTEM, check_golden, check_round_trip, decoded, details, encoded, pair, records
from .votes import VOTES, check_refusals, published

ROWS = "arena.jsonl"
ARENA = Arena()


def test_it_is_found_by_name() -> None:
    assert load(Arena, "arena") is Arena


def test_the_golden_files() -> None:
    check_golden(ARENA, "arena", VOTES)


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(), both=True) | some.reviewed(some.tasks(), votes=3))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(ARENA, example, but=["tstamp"])
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert [review.winner for review in again.reviews] == [review.winner for review in example.reviews]
    assert [review.annotator for review in again.reviews] == [review.annotator for review in example.reviews]
    assert again.task.messages == example.task.messages
    if example.verdict is not None:
        assert again.verdict is not None and again.verdict.winner == example.verdict.winner


def test_rows_are_what_fastchats_scripts_read() -> None:
    """`elo_analysis.py` takes any other winner for a tie; the release filter looks into the moderation."""
    (row,) = encoded(ARENA, [pair(messages=CHAT, winner="second", scores=[(2, 9)])])[ROWS]
    assert row["winner"] == "model_b" and row["judge"] == "teacher"
    assert [turn["role"] for turn in row["conversation_a"]] == ["user", "assistant", "user", "assistant"]
    assert row["turn"] == len(row["conversation_a"]) // 2 == 2
    assert row["anony"] is True and isinstance(row["tstamp"], float)
    assert not row["openai_moderation"]["flagged"]


def test_people_who_cannot_judge_do_not_vote_and_their_votes_go_before_the_verdict() -> None:
    given = pair(reviews=[{"winner": None}, {"winner": "tie"}, {"winner": "tie", "comment": "both bad"}])
    rows = encoded(ARENA, [given])[ROWS]
    assert [(row["judge"], row["winner"]) for row in rows] == [
        ("arena_user_person-1", "tie"),
        ("arena_user_person-2", "tie (bothbad)"),
    ]
    (row,) = encoded(ARENA, [pair(reviews=[{"winner": None}])])[ROWS]
    assert (row["judge"], row["winner"]) == ("one_order", "model_a")


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *REFUSED,
        ("no_verdict", pair(judged=False, reviews=[{"winner": None}])),
        ("empty_answer", pair(("Two.", " \n"))),
        ("judge_named_like_a_person", pair(protocol="arena_user_1")),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    check_refusals(ARENA, reason, example)


def test_system_prompts_are_part_of_the_conversations() -> None:
    again = check_round_trip(ARENA, pair(messages=SYSTEM), but=["tstamp"])
    assert again.task.system == "Be brief."


def test_published_rows_are_read() -> None:
    """The 33k set's rows, two votes on one pair, replies that part in the first turn, and a row of a newer set."""
    first, parted, newer = decoded(ARENA, {ROWS: published("arena")})
    assert [(review.annotator, review.winner, review.comment) for review in first.reviews] == [
        ("973", "second", ""),
        ("12", "tie", "both bad"),
    ]
    assert (first.task.source_id, first.verdict) == ("58210e39b3fd4441a2bd4a518bb44c2d", None)
    assert parted.task.messages == (Message(role="user", content="Give me a word for cold."),)
    assert [answer.text for answer in parted.answers] == [
        "Frosty\n\nUser: Another one.\n\nAssistant: Icy",
        "Chilly\n\nUser: Another one.\n\nAssistant: Gelid",
    ]
    assert newer.task.messages[1].content == "Hi!\nHow are you?"
    assert [(review.annotator, review.comment) for review in newer.reviews] == [("session-7", "both bad")]


def test_a_row_of_the_published_set_keeps_its_columns() -> None:
    rows = published("arena")[:2]
    written = encoded(ARENA, decoded(ARENA, {ROWS: rows}))[ROWS]
    made_here = ("language", "tstamp", "openai_moderation", "toxic_chat_tag")
    assert [list(row) for row in written] == [list(row) for row in rows]
    for row, original in zip(written, rows, strict=True):
        assert {key: row[key] for key in row if key not in made_here} == {
            key: original[key] for key in original if key not in made_here
        }


def test_verdicts_of_two_models_are_two_examples() -> None:
    (row,) = encoded(ARENA, [pair()])[ROWS]
    found = decoded(ARENA, {ROWS: [{**row, "judge": "one"}, {**row, "judge": "two"}]})
    assert [example.verdict.protocol for example in found if isinstance(example.verdict, Verdict)] == ["one", "two"]


def _said(*contents: str) -> list[dict[str, str]]:
    return [{"content": text, "role": ("user", "assistant")[k % 2]} for k, text in enumerate(contents)]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"winner": "A"}, r"winner: no such value (got 'A'). Known: both_bad, model_a, model_b, tie, tie (bothbad)."),
        ({"winner": None}, "winner: expected text (got None)"),
        ({"model_b": 3}, "model_b: expected text (got 3)"),
        ({"conversation_a": "text"}, "conversation_a: expected a list of objects (got 'text')"),
        ({"conversation_b": _said("Other?", "x")}, "conversation_b: the two models were not asked the same"),
        ({"conversation_b": _said("x")}, "conversation_b: a conversation must end with the user's question and the "
         "assistant's answer"),
        ({"conversation_a": [{"content": "x", "role": "tool"}]}, "conversation_a.0.role: no such value (got 'tool'). "
         "Known: assistant, system, user."),
        ({"conversation_a": [{"content": None, "role": "user"}]}, "conversation_a.0.content: expected text (got None)"),
        ({"conversation_a": [{"content": [{"type": "image", "image": "…"}], "role": "user"}]},
         "conversation_a.0.content.0.type: expected parts that are text (got 'image')"),
        ({"conversation_a": [*_said("a", "b")[::-1], *_said("c", "d")],
          "conversation_b": [*_said("a", "x")[::-1], *_said("c", "d")]},
         "conversation_b: the conversations part before the user's first message"),
        ({"question_id": 5}, "question_id: expected text (got 5)"),
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_a_loss_that_names_line_and_key(change: dict[str, Any], detail: str) -> None:
    row = records("arena", "arena.jsonl")[0]
    bad = {**row, **change}
    assert details(ARENA, ROWS, [row, bad, row]) == [f"{ROWS}:2 (question_id {bad['question_id']}): {detail}"]
    assert len(list(ARENA.decode({ROWS: [row, bad, row]}))) == 3
