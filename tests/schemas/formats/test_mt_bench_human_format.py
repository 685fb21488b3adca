"""MT-Bench's votes: people's and models', counted as FastChat's `compute_agreement.py` counts them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from prefmill.schemas.formats import Record
from prefmill.schemas.formats.mt_bench_human import MTBenchHuman
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example, Message

from . import examples as some
from .round_trip import (
    CHAT,
    GOLDEN,
    QUESTION,
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

PEOPLE, MODELS = "human_judgments.json", "gpt4_pair_judgments.json"
MT_BENCH = MTBenchHuman()


def published(name: str) -> list[Record]:
    """An array, as in the folder `raw` of the published set."""
    rows: list[Record] = orjson.loads((GOLDEN / "mt_bench_human" / name).read_bytes())
    return rows


def short(example: Example) -> Example:
    """The same without a system prompt, and with two turns at most."""
    return example.model_copy(update={"task": example.task.model_copy(update={"messages": example.task.turns[-3:]})})


def judge_name(judge: Any) -> str | None:  # noqa: ANN401 - as the file has it
    """Who judged, as `compute_agreement.py` has it; it stops at a list that it does not know."""
    if isinstance(judge, list) and judge[0] == "gpt-4" and judge[1].startswith("pair"):
        return "gpt4-pair"
    assert isinstance(judge, str)
    return "human" if judge.startswith("expert") else "author" if judge.startswith("author") else None


def test_it_is_found_by_name() -> None:
    assert load(MTBenchHuman, "mt_bench_human") is MTBenchHuman


def test_the_golden_files() -> None:
    check_golden(MT_BENCH, "mt_bench_human", VOTES)


@settings(max_examples=50, deadline=None)
@given((some.pairs(some.tasks()) | some.reviewed(some.tasks(), votes=3)).map(short))
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(MT_BENCH, example)
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert [review.winner for review in again.reviews] == [review.winner for review in example.reviews]
    assert [review.annotator for review in again.reviews] == [review.annotator for review in example.reviews]
    assert again.task.messages == example.task.messages
    if example.verdict is not None:
        assert again.verdict is not None and again.verdict.winner == example.verdict.winner


def test_every_row_is_counted_by_compute_agreement() -> None:
    files = encoded(MT_BENCH, VOTES)
    assert {judge_name(row["judge"]) for row in files[MODELS]} == {"gpt4-pair"}
    assert {judge_name(row["judge"]) for row in files[PEOPLE]} == {"human", "author"}
    for row in files[PEOPLE] + files[MODELS]:
        assert row["turn"] in (1, 2) and isinstance(row["question_id"], int)
        assert row["winner"] in ("model_a", "model_b") or "tie" in row["winner"]


def test_a_tie_whose_orders_disagree_says_so() -> None:
    (row,) = encoded(MT_BENCH, [pair(winner="tie", margin=0.0, consistent=False)])[MODELS]
    assert row["winner"] == "tie (inconsistent)"
    (row,) = encoded(MT_BENCH, [pair(winner="tie", margin=0.0, consistent=True)])[MODELS]
    assert row["winner"] == "tie"


def test_people_and_a_verdict_are_in_two_files() -> None:
    files = encoded(MT_BENCH, [pair(reviews=[{"winner": "second"}, {"winner": None}], scores=[(9, 2)])])
    assert [row["judge"] for row in files[PEOPLE]] == ["expert_person-0"]
    assert [row["judge"] for row in files[MODELS]] == [["gpt-4", "pair-teacher"]]
    only_people = encoded(MT_BENCH, [pair(judged=False, reviews=[{"winner": "second"}])])
    assert only_people[MODELS] == []


def test_questions_without_a_number_get_one_that_no_source_uses() -> None:
    numbered, named, plain = (
        encoded(MT_BENCH, [pair(source_id=id)])[MODELS][0]["question_id"] for id in ("81", "planets/81", None)
    )
    assert numbered == 81
    assert 2**31 <= named < 2**53 and 2**31 <= plain < 2**53 and named != plain
    for other in ("081", "٣", str(2**53), "-1"):
        assert encoded(MT_BENCH, [pair(source_id=other)])[MODELS][0]["question_id"] >= 2**31


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        *REFUSED,
        ("system_prompt", pair(messages=SYSTEM)),
        ("turns_do_not_alternate", pair(messages=TWICE)),
        ("more_than_two_turns", pair(messages=(*CHAT, Message(role="assistant", content="None."), *QUESTION))),
        (
            "same_model",
            pair().model_copy(
                update={"answers": tuple(answer.model_copy(update={"model": "m"}) for answer in pair().answers)}
            ),
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    check_refusals(MT_BENCH, reason, example)


def test_published_votes_of_people_are_read() -> None:
    """The published rows hold both turns, whichever was voted on."""
    first, second = decoded(MT_BENCH, {PEOPLE: published("published_human.json")})
    assert first.task.messages == (Message(role="user", content="Describe a village by the sea."),)
    assert [answer.text for answer in first.answers] == ["Boats and nets.", "It is small."]
    assert [(review.annotator, review.winner) for review in first.reviews] == [("author_2", "second"), ("4", "tie")]
    assert second.answers[0].text == "Boats and nets.\n\nUser: Now in one sentence.\n\nAssistant: Boats, nets, salt."
    assert (second.task.source_id, second.reviews[0].winner, second.verdict) == ("81", "first", None)
    rows = encoded(MT_BENCH, [first])[PEOPLE]
    assert [(row["question_id"], row["judge"]) for row in rows] == [(81, "author_2"), (81, "expert_4")]


def test_published_verdicts_of_models_are_read() -> None:
    found = decoded(MT_BENCH, {MODELS: published("published_models.json")})
    verdicts = [example.verdict for example in found if example.verdict is not None]
    assert [(verdict.protocol, verdict.winner, verdict.consistent) for verdict in verdicts] == [
        ("v2", "second", None),
        ("v2-multi-turn", "tie", False),
        ("gpt4_pair", "tie", None),
    ]
    assert encoded(MT_BENCH, found[:1])[MODELS][0]["judge"] == ["gpt-4", "pair-v2"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"winner": "model_A"},
         "winner: no such value (got 'model_A'). Known: model_a, model_b, tie, tie (inconsistent)."),
        ({"turn": 3}, "turn: expected 1 or 2 (got 3)"),
        ({"turn": 2}, "turn: a conversation ends before turn 2"),
        ({"judge": ["gpt-4"]}, "judge: expected a model and its template (got ['gpt-4'])"),
        ({"judge": 4}, "judge: expected text (got 4)"),
        ({"question_id": "81"}, "question_id: expected a whole number (got '81')"),
        ({"conversation_b": [{"content": "Other?", "role": "user"}, {"content": "x", "role": "assistant"}]},
         "conversation_b: the two models were not asked the same"),
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_a_loss_that_names_line_and_key(change: dict[str, Any], detail: str) -> None:
    row = records("mt_bench_human", "gpt4_pair_judgments.jsonl")[0]
    bad = {**row, **change}
    assert details(MT_BENCH, PEOPLE, [row, bad]) == [f"{PEOPLE}:2 (question_id {bad['question_id']}): {detail}"]
