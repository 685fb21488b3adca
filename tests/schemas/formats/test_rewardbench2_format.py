"""RewardBench 2: the best of four answers, and ties with several right ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats.rewardbench2 import RewardBench2
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Comparison, Example, Verdict

from . import examples as some
from .round_trip import CHAT, NO_JUDGMENT, check_golden, check_round_trip, decoded, details, graded, pair, records


def several(answers: dict[str | None, float], **fields: Any) -> Example:  # noqa: ANN401
    """Answers to one question with their final scores."""
    example = pair(list(answers), winner=None, margin=None, failure=NO_JUDGMENT, **fields)
    assert example.verdict
    verdict = example.verdict.model_copy(update={"scores": tuple(answers.values()), "failure": None})
    return example.model_copy(update={"verdict": verdict})


GIVEN = [
    several({"None.": 9, "Two.": 2, "One.": 3, "Three.": 2}, category="Factuality", source_id="venus"),
    several({"Four.": 1, "Many.": 1, "None.": 10, "One.": 5}),
    several({"None.": 9, "Zero.": 9, "0": 9, "Two.": 1, "One.": 1}, category="Ties", source_id="tied:3"),
    several({"One.": 2, "None.": 9}, category="Ties", source_id="ref:3"),
]


@st.composite
def compared(draw: st.DrawFn) -> Example:
    """Four answers, one of which has the highest score."""
    task = draw(some.tasks(chat=False))
    drawn = draw(st.lists(some.WORDS, min_size=4, max_size=4, unique_by=str.strip))
    answers = tuple(
        Answer(task_id=task.id, model=f"model-{draw(st.integers(0, 4))}", sample=place, text=text)
        for place, text in enumerate(drawn)
    )
    comparison = Comparison(
        task_id=task.id, answer_ids=tuple(a.id for a in answers), models=tuple(a.model for a in answers)
    )
    scores = tuple(float(score) for score in draw(st.permutations((9, *draw(st.tuples(*[st.integers(1, 8)] * 3))))))
    verdict = Verdict(comparison_id=comparison.id, task_id=task.id, protocol="listwise", judgment_ids=(), scores=scores)
    return Example(
        index=draw(st.integers(0, 10**6)), task=task, answers=answers, comparison=comparison, verdict=verdict
    )


def best(example: Example) -> set[str | None]:
    """The texts with the highest score."""
    assert example.verdict
    scores = example.verdict.scores
    return {answer.text for answer, score in zip(example.answers, scores, strict=True) if score == max(scores)}


def test_it_is_found_by_name() -> None:
    assert load(RewardBench2, "rewardbench2") is RewardBench2


def test_the_golden_files() -> None:
    check_golden(RewardBench2(), "rewardbench2", GIVEN)


@settings(max_examples=50, deadline=None)
@given(compared())
def test_what_is_carried_comes_back_and_is_written_the_same_again(example: Example) -> None:
    again = check_round_trip(RewardBench2(), example)
    assert {answer.text for answer in again.answers} == {answer.text for answer in example.answers}
    assert best(again) == best(example)


def test_decoded_winners_are_not_always_the_first() -> None:
    rows = [
        record for k in range(40) for _, record in RewardBench2().encode(several({f"r{k}": 2, "a": 1, "b": 1, "c": 1}))
    ]
    places = [
        example.verdict.scores.index(1.0)
        for example in decoded(RewardBench2(), {"test.jsonl": rows})
        if example.verdict
    ]
    assert set(places) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_comparison", graded()),
        ("no_verdict", pair(judged=False)),
        ("no_scores", pair()),
        ("no_scores", pair(("a", "b", "c", "d"), winner=None, margin=None, failure=NO_JUDGMENT)),
        ("failed_answer", several({"a": 4, None: 1, "c": 1, "d": 1})),
        ("empty_answer", several({"a": 4, " ": 1, "c": 1, "d": 1})),
        ("identical_answers", several({"a": 4, "a ": 1, "c": 1, "d": 1})),
        ("not_four_answers", several({"a": 4, "b": 1, "c": 1})),
        ("tie_for_best", several({"a": 4, "b": 4, "c": 1, "d": 1})),
        ("not_single_turn", several({"a": 4, "b": 1, "c": 1, "d": 1}, messages=CHAT)),
        ("no_tie_id", several({"a": 4, "b": 4, "c": 1}, category="Ties", source_id="3")),
        ("no_tie_id", several({"a": 4, "b": 4, "c": 1}, category="ties")),
        ("tie_for_best", several({"a": 4, "b": 4, "c": 1}, category="Ties", source_id="ref:1")),
        ("no_tie", several({"a": 4, "b": 3, "c": 1}, category="Ties", source_id="tied:1")),
        ("no_wrong_answer", several({"a": 4, "b": 4}, category="Ties", source_id="tied:1")),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(RewardBench2().encode(example))
    assert refused.value.reason == reason


def test_names_of_models_that_are_not_those_of_the_answers_are_not_used() -> None:
    row = {
        **records("rewardbench2", "test.jsonl")[0],
        "models": ["one-for-all"],
        "additional_metadata": {"category": None},
    }
    (example,) = decoded(RewardBench2(), {"test.jsonl": [row]})
    assert {answer.model for answer in example.answers} == {"unknown"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": "text"}, "chosen: expected a list of texts"),
        ({"chosen": []}, "num_correct: there are 0 (got 1)"),
        ({"chosen": [], "num_correct": 0, "total_completions": 3}, "chosen: expected at least one text"),
        ({"rejected": ["x", 1, "y"]}, "rejected: expected a list of texts"),
        ({"num_incorrect": 2}, "num_incorrect: there are 3 (got 2)"),
        ({"total_completions": "4"}, "total_completions: expected a whole number (got '4')"),
        ({"prompt": ["text"]}, "prompt: expected text (got ['text'])"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_name_and_key(change: dict[str, Any], message: str) -> None:
    rows = records("rewardbench2", "test.jsonl")
    assert details(RewardBench2(), "test.jsonl", [rows[0], {**rows[1], **change}]) == [
        f"test.jsonl:2 (id {rows[1]['id']}): {message}"
    ]
