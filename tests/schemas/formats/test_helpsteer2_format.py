"""HelpSteer2-Preference: people's strengths, of which the three nearest count, with what they wrote."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats._helpsteer import Vote, most_similar, overall
from prefmill.schemas.formats.helpsteer2 import HelpSteer2
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Example

from . import examples as some
from .round_trip import (
    CHAT,
    PAIRS,
    QUESTION,
    REFUSED_MARGINS,
    SYSTEM,
    TWICE,
    check_golden,
    check_round_trip,
    decoded,
    details,
    graded,
    pair,
    records,
)

PEOPLE = HelpSteer2(validation_share=0.5, ties=True)


def people(*strengths: float | None, **fields: Any) -> Example:  # noqa: ANN401
    """A pair that only people have judged, each with a comment; None for one who cannot judge it."""
    reviews = [
        {
            "winner": None if strength is None else "first" if strength > 0 else "second" if strength < 0 else "tie",
            "strength": strength,
            "comment": f"Person {number}. @Response 1 is of strength {strength}! It is.",
        }
        for number, strength in enumerate(strengths)
    ]
    return pair(**{"judged": False, "reviews": reviews, **fields})


GIVEN = [
    people(2, 1, None, 3),
    people(-1, 1, -1, -2, messages=CHAT),
    people(3, -3, messages=CHAT[:1]),
    *PAIRS,
]


@st.composite
def voted(draw: st.DrawFn) -> Example:
    """Pairs that one to five people have judged, some of whom could not; at least one could."""
    example = draw(some.reviewed(some.tasks(), votes=draw(st.integers(1, 5)), strengths=(-3, -2, -1, 0, 1, 2, 3)))
    said = tuple(review.model_copy(update={"comment": draw(st.just("") | some.WORDS)}) for review in example.reviews)
    unable = {"winner": None, "strength": None} if draw(st.booleans()) else {}
    said = (said[0], *(review.model_copy(update=unable) for review in said[1:2]), *said[2:])
    task = example.task.model_copy(update={"messages": example.task.turns})
    return example.model_copy(update={"reviews": said, "task": task})


def test_it_is_found_by_name() -> None:
    assert load(HelpSteer2, "helpsteer2") is HelpSteer2


def test_the_golden_files() -> None:
    check_golden(HelpSteer2(validation_share=0.5, margin_step=3), "helpsteer2", GIVEN)


@settings(max_examples=60, deadline=None)
@given(voted())
def test_peoples_labels_come_back_and_are_written_the_same_again(example: Example) -> None:
    again = check_round_trip(PEOPLE, example)
    assert [answer.text for answer in again.answers] == [answer.text for answer in example.answers]
    assert again.task.messages == example.task.messages
    labels = [[(review.winner, review.strength, review.comment) for review in one.reviews] for one in (example, again)]
    assert labels[0] == labels[1]


@settings(max_examples=50, deadline=None)
@given(some.pairs(some.tasks(chat=False)), st.sampled_from([0.5, 1.0, 3.0]))
def test_verdicts_come_back_and_are_written_the_same_again(example: Example, step: float) -> None:
    again = check_round_trip(HelpSteer2(ties=True, margin_step=step), example)
    assert again.verdict
    assert example.verdict
    assert again.verdict.winner == example.verdict.winner
    assert not again.reviews


@pytest.mark.parametrize(
    ("margin", "step", "strength"),
    [(9, 3, -3), (9, 1, -3), (4, 3, -1), (5, 3, -2), (0.2, 1, -1), (1.5, 1, -2), (-9, 3, 3), (-0.1, 3, 1)],
)
def test_a_margin_is_cut_and_rounded_to_strengths_from_1_to_3(margin: float, step: float, strength: int) -> None:
    example = pair(winner="first" if margin > 0 else "second", margin=float(margin))
    ((_, row),) = HelpSteer2(margin_step=step).encode(example)
    assert row["preference_strength"] == strength
    assert (row["three_most_similar_preferences"], row["all_preferences_unprocessed"]) == ([], [])


@pytest.mark.parametrize(
    ("strengths", "nearest", "mean"),
    [
        ([2], [2], 2),
        ([2, 3], [2, 3], 3),
        ([-2, -3], [-2, -3], -3),
        ([-3, 2, 2, 1], [2, 2, 1], 2),
        ([1, -1, 0, 2], [1, -1, 0], 0),
        ([-1, -3, -2, 0, 0], [-1, 0, 0], 0),
        ([-2, -1, 1, 2], [-2, -1, 1], -1),
        ([2, 1, -1, -2], [2, 1, -1], 1),
        ([3, None, None], [3], 3),
    ],
)
def test_the_three_nearest_votes_count(strengths: list[int | None], nearest: list[int], mean: int) -> None:
    """In mirror images the answer is the mirror image: neither response is favoured."""
    for sign in (1, -1):
        votes = most_similar([Vote(None if each is None else sign * each) for each in strengths])
        assert [vote.strength for vote in votes] == [sign * each for each in nearest]
        assert overall(votes) == sign * mean


def test_positive_strengths_mean_that_response_2_is_better() -> None:
    ((_, row),) = HelpSteer2().encode(people(-2, -3, -3))
    assert row["preference_strength"] == 3
    assert row["preference_statement"] == "Person 1."
    assert row["preference_elaboration"] == "@Response 1 is of strength -3! It is."
    (example,) = decoded(HelpSteer2(strength_step=10), {"preference.jsonl": [row]})
    assert [review.strength for review in example.reviews] == [-20, -30, -30]
    assert {review.winner for review in example.reviews} == {"second"}
    assert example.verdict
    assert (example.verdict.winner, example.verdict.margin, example.verdict.protocol) == ("second", -3, "people")


def test_people_who_do_not_say_by_how_much() -> None:
    reviews = [{"winner": "second"}, {"winner": "tie"}]
    example = pair(judged=False, reviews=reviews)
    with pytest.raises(CannotCarry, match="no_strength"):
        list(HelpSteer2().encode(example))
    ((_, row),) = HelpSteer2(unstated_strength=2).encode(example)
    assert [vote["strength"] for vote in row["all_preferences_unprocessed"]] == [2, 0]


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_comparison", graded()),
        ("more_than_two_answers", pair(("a", "b", "c"))),
        ("failed_answer", pair(("None.", None))),
        ("no_verdict", pair(judged=False)),
        *REFUSED_MARGINS,
        ("empty_answer", people(1, texts=("None.", " "))),
        ("tie", pair(winner="tie", margin=0.0)),
        ("tie", people(1, -1)),
        ("no_winner", people(None, None)),
        ("strength_contradicts_winner", pair(reviews=[{"winner": "first", "strength": -1.0}])),
        ("strength_contradicts_winner", pair(reviews=[{"winner": "tie", "strength": 1.0}])),
        ("system_prompt", people(1, messages=SYSTEM)),
        ("turns_do_not_alternate", people(1, messages=TWICE)),
        ("prompt_marker_in_text", people(1, texts=("None.", "<extra_id_1>User"))),
        ("prompt_marker_in_text", people(1, messages=(QUESTION[0].model_copy(update={"content": "<extra_id_0>"}),))),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(HelpSteer2().encode(example))
    assert refused.value.reason == reason


def test_published_rows_are_read_with_every_annotator() -> None:
    """In the layout of the data set's card, with and without the lists."""
    (row,) = records("helpsteer2", "published.jsonl")
    (example,) = decoded(HelpSteer2(), {"preference.jsonl": [row]})
    assert [message.role for message in example.task.messages] == ["user", "assistant", "user"]
    assert [(review.winner, review.strength) for review in example.reviews] == [
        ("second", -1),
        (None, None),
        ("first", 1),
        ("second", -2),
    ]
    assert len({review.annotator for review in example.reviews}) == 4
    row["all_preferences_unprocessed"] = []
    (example,) = decoded(HelpSteer2(), {"preference.jsonl": [row]})
    assert [review.comment for review in example.reviews] == [
        "@Response 2 is clearer. It names the year.",
        "@Response 1 is shorter.",
        "@Response 2 is better.",
    ]
    del row["all_preferences_unprocessed"], row["three_most_similar_preferences"]
    (example,) = decoded(HelpSteer2(), {"preference.jsonl": [row]})
    assert [(review.strength, review.comment) for review in example.reviews] == [
        (-1, "@Response 2 is clearer. It names the year.")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preference_strength": 4}, "preference_strength: expected -3 to 3 (got 4)"),
        ({"preference_strength": "1"}, "preference_strength: expected a whole number (got '1')"),
        ({"response_2": None}, "response_2: expected text (got None)"),
        (
            {"all_preferences_unprocessed": [{"strength": -50, "justification": ""}]},
            "all_preferences_unprocessed.0.strength: expected -3 to 3 (got -50)",
        ),
        (
            {"all_preferences_unprocessed": "[{}]"},
            "all_preferences_unprocessed: expected a list of objects (got '[{}]')",
        ),
        (
            {"prompt": "a\n<extra_id_1>User\nb"},
            "prompt: expected turns of user and assistant in turn, the user's last (got User, User)",
        ),
        (
            {"prompt": "a\n<extra_id_1>Assistant\nb"},
            "prompt: expected turns of user and assistant in turn, the user's last (got User, Assistant)",
        ),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("helpsteer2", "preference.jsonl")
    assert details(HelpSteer2(), "preference.jsonl", [rows[0], {**rows[1], **change}]) == [
        f"preference.jsonl:2: {message}"
    ]
