"""HelpSteer3-Preference: chats, and each person's score beside the overall one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.helpsteer3 import HelpSteer3
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
    CHAT,
    PAIRS,
    REFUSED_MARGINS,
    SYSTEM,
    check_golden,
    check_round_trip,
    decoded,
    details,
    encoded,
    graded,
    pair,
    records,
)

HALF = HelpSteer3(validation_share=0.5)


def people(*strengths: float | None, **fields: Any) -> Example:  # noqa: ANN401
    """A pair that only people have judged, each with a comment; None for one who cannot judge it."""
    reviews = [
        {
            "winner": None if strength is None else "first" if strength > 0 else "second" if strength < 0 else "tie",
            "strength": strength,
            "comment": f"Because {number}.",
        }
        for number, strength in enumerate(strengths)
    ]
    return pair(**{"judged": False, "reviews": reviews, **fields})


GIVEN = [people(2, 1, None, 3), people(-1, 1, -1, -2, messages=CHAT, category="stem"), *PAIRS]


@st.composite
def voted(draw: st.DrawFn) -> Example:
    """Pairs that one to four people have judged, with or without comments."""
    example = draw(some.reviewed(some.tasks(), votes=draw(st.integers(1, 4)), strengths=(-3, -2, -1, 0, 1, 2, 3)))
    said = tuple(review.model_copy(update={"comment": draw(st.just("") | some.WORDS)}) for review in example.reviews)
    return example.model_copy(update={"reviews": said})


def test_it_is_found_by_name() -> None:
    assert load(HelpSteer3, "helpsteer3") is HelpSteer3


def test_the_golden_files() -> None:
    check_golden(HelpSteer3(validation_share=0.5, margin_step=3), "helpsteer3", GIVEN)


@settings(max_examples=60, deadline=None)
@given(voted())
def test_peoples_labels_come_back_and_are_written_the_same_again(example: Example) -> None:
    again = check_round_trip(HALF, example)
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert again.task.messages == example.task.messages
    labels = [[(review.winner, review.strength, review.comment) for review in one.reviews] for one in (example, again)]
    assert labels[0] == labels[1]


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks()), st.sampled_from([0.5, 1.0, 3.0]))
def test_verdicts_come_back_and_are_written_the_same_again(example: Example, step: float) -> None:
    again = check_round_trip(HelpSteer3(margin_step=step), example)
    assert again.verdict
    assert example.verdict
    assert again.verdict.winner == example.verdict.winner
    assert not again.reviews


def test_positive_scores_mean_that_response_2_is_better() -> None:
    ((_, row),) = HelpSteer3().encode(people(-2, None, 20))
    assert (row["overall_preference"], [person["score"] for person in row["individual_preference"]]) == (-1, [2, -3])
    assert row["individual_preference"][0]["reasoning"] == "Because 0."
    (example,) = decoded(HelpSteer3(), {"validation.jsonl": [row]})
    assert [(review.winner, review.strength) for review in example.reviews] == [("second", -2), ("first", 3)]


def test_domain_and_language_are_the_category_and_an_option() -> None:
    format = HelpSteer3(domain="code", language="python", validation_share=0)
    rows = encoded(format, [pair(category="stem"), pair()])["train.jsonl"]
    assert [(row["domain"], row["language"]) for row in rows] == [("stem", "python"), ("code", "python")]
    assert [example.task.category for example in decoded(format, {"train.jsonl": rows})] == ["stem", "code"]


def test_published_rows_are_read_with_every_annotator() -> None:
    rows = records("helpsteer3", "published.jsonl")
    (example,) = decoded(HelpSteer3(), {"train.jsonl": rows})
    assert [(review.winner, review.strength, review.comment) for review in example.reviews] == [
        ("first", 2, "Response 1 says which is which."),
        ("first", 3, "Response 1 is much better."),
        ("tie", 0, "Both are right."),
    ]
    assert example.verdict
    assert (example.verdict.winner, example.verdict.margin, example.verdict.protocol) == ("first", 2, "people")
    assert example.task.category == "stem"
    (row,) = encoded(HelpSteer3(validation_share=0), [example])["train.jsonl"]
    assert {**row, "individual_preference": None} == {**rows[0], "individual_preference": None}


@pytest.mark.parametrize(
    ("reason", "format", "example"),
    [
        ("no_comparison", HelpSteer3(), graded()),
        ("more_than_two_answers", HelpSteer3(), pair(("a", "b", "c"))),
        ("failed_answer", HelpSteer3(), pair(("None.", None))),
        ("empty_answer", HelpSteer3(), people(1, texts=("None.", " "))),
        ("no_verdict", HelpSteer3(), pair(judged=False)),
        *[(reason, HelpSteer3(), example) for reason, example in REFUSED_MARGINS],
        ("tie", HelpSteer3(ties=False), people(0, messages=SYSTEM)),
        ("no_winner", HelpSteer3(), people(None)),
        ("no_strength", HelpSteer3(), pair(reviews=[{"winner": "first"}])),
        ("strength_contradicts_winner", HelpSteer3(), pair(reviews=[{"winner": "first", "strength": 0.0}])),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, format: HelpSteer3, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(format.encode(example))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"overall_preference": -4}, "overall_preference: expected -3 to 3 (got -4)"),
        ({"overall_preference": 1.5}, "overall_preference: expected a whole number (got 1.5)"),
        ({"context": "text"}, "context: expected a list of objects (got 'text')"),
        ({"context": []}, "context: the last message must be the user's"),
        ({"response1": None}, "response1: expected text (got None)"),
        (
            {"individual_preference": [{"reasoning": "x"}]},
            "individual_preference.0.score: expected a whole number, but there is no such key",
        ),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("helpsteer3", "train.jsonl")
    assert details(HelpSteer3(), "train.jsonl", [rows[0], {**rows[1], **change}]) == [f"train.jsonl:2: {message}"]
