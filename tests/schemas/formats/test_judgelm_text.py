"""The judgment text survives what JudgeLM's trainer does to it, or is refused."""

from __future__ import annotations

import itertools

import pytest

from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats._judgelm_text import judgment_text, swapped_rationale


def trainer_swap(text: str) -> str:
    """The two rules of JudgeLM's swap augmentation: scores around the first space, then the literal names."""
    left, space, rest = text.partition(" ")
    right, newline, explanation = rest.partition("\n")
    if space and newline:
        text = f"{right} {left}\n{explanation}"
    for old, new in (("Assistant 1", "Assistant X"), ("Assistant 2", "Assistant 1"), ("Assistant X", "Assistant 2")):
        text = text.replace(old, new)
    return text


REWRITTEN = {
    "Assistants 1 and 2 agree.": "Assistant 1 and Assistant 2 agree.",
    "Assistant 1 and 2 agree.": "Assistant 1 and Assistant 2 agree.",
    "assistants 2 and 1 agree.": "Assistant 2 and Assistant 1 agree.",
    "Assistant 1 and assistant 2 agree.": "Assistant 1 and Assistant 2 agree.",
    "Assistants 1 & 2 agree.": "Assistant 1 & Assistant 2 agree.",
    "Assistant 1/2 agree.": "Assistant 1/Assistant 2 agree.",
    "Assistants 1, 2 agree.": "Assistant 1, Assistant 2 agree.",
    "Neither Assistant 1 nor 2 is right.": "Neither Assistant 1 nor Assistant 2 is right.",
    "Assistant 1 vs. 2": "Assistant 1 vs. Assistant 2",
    "Assistant 1's and 2's answers": "Assistant 1's and Assistant 2's answers",
    "Assistant 1 (8/10) and 2 (9/10)": "Assistant 1 (8/10) and Assistant 2 (9/10)",
    "Assistants one and two agree.": "Assistant 1 and Assistant 2 agree.",
    "assistant 1 and ASSISTANT 2.": "Assistant 1 and Assistant 2.",
    "Assistant  1, Assistant\n2, Assistant1, Assistant-2, Assistant #1": (
        "Assistant 1, Assistant 2, Assistant 1, Assistant 2, Assistant 1"
    ),
    "**Assistant 1** and _Assistant 2_": "**Assistant 1** and _Assistant 2_",
    "For Assistant 1, 2 errors were found.": "For Assistant 1, 2 errors were found.",
    "Assistant 1 and 2.5 points": "Assistant 1 and 2.5 points",
    "  Assistant 2 wins. \n": "Assistant 2 wins.",
}

AMBIGUOUS = [
    "The first answer is better.",
    "The second assistant is wrong.",
    "The second AI assistant is wrong.",
    "I prefer the first one.",
    "The 1st response is longer.",
    "The last answer is longer.",
    "The first and second answers agree.",
    "The first of the two answers is longer.",
    "Both are right, but the first is clearer.",
    "One is clearer than the second.",
    "The second's tone is friendlier.",
    "The former is better than the latter.",
    "Assistant 3 is best.",
    "Assistant 10 is best.",
    "Assistant 1.5 is odd.",
    "Assistant **1** is best.",
    "Assistants 1 is best.",
    "Assistant A is better than Assistant B.",
    "Assistant X is unknown.",
    "Assistant Xavier is unknown.",
    "Response 1 is better.",
    "Answer 2 is better.",
    "Model B is better.",
    "Responses 1 and 2 agree.",
    "answer #1 is better",
]

CLEAN = [
    "",
    "First, Assistant 1 explains the steps. Second, it checks them.",
    "Assistant 1 misses the first step and the second sentence of the text.",
    "Assistant 2 gives the answer 3 and the answer is right.",
    "Both answers are right; the two assistants differ in tone.",
    "Assistant 1 is better than the other assistant.",
    "Assistant 1 scores 8 and Assistant 2 scores 9 out of 10.",
    "### Reasons\n- Assistant 1: short\n- Assistant 2: long",
    "Assistant 1's answer is shorter than Assistant 2's.",
]


@pytest.mark.parametrize(("rationale", "expected"), REWRITTEN.items())
def test_names_are_written_in_the_one_form_the_swap_knows(rationale: str, expected: str) -> None:
    assert judgment_text((8.0, 9.0), rationale) == f"8 9\n{expected}"
    assert judgment_text((8.0, 9.0), expected) == f"8 9\n{expected}"


@pytest.mark.parametrize("rationale", AMBIGUOUS)
def test_other_names_are_refused(rationale: str) -> None:
    with pytest.raises(CannotCarry) as refused:
        judgment_text((8.0, 9.0), f"Assistant 1 is clear. {rationale}")
    assert refused.value.reason == "ambiguous_rationale"


@pytest.mark.parametrize("rationale", CLEAN)
def test_plain_explanations_pass_unchanged(rationale: str) -> None:
    assert judgment_text((8.0, 9.0), rationale) == f"8 9\n{rationale}"


@pytest.mark.parametrize("rationale", [*REWRITTEN, *CLEAN])
@pytest.mark.parametrize("scores", [(8.0, 9.0), (10.0, 1.0), (7.25, 7.5), (5.0, 5.0)])
def test_a_swap_exchanges_scores_and_names_and_nothing_else(rationale: str, scores: tuple[float, float]) -> None:
    text = judgment_text(scores, rationale)
    explanation = text.partition("\n")[2]
    swapped = trainer_swap(text)
    assert swapped == judgment_text(scores[::-1], swapped_rationale(explanation))
    assert trainer_swap(swapped) == text
    names = [f"Assistant {number}" for number in "12"]
    assert [swapped.count(name) for name in names] == [text.count(name) for name in reversed(names)]


@pytest.mark.parametrize("pair", [*itertools.product((1.0, 2.5, 9.125, 10.0), repeat=2)])
def test_scores_are_written_shortest(pair: tuple[float, float]) -> None:
    first, second = judgment_text(pair, "").rstrip("\n").split(" ")
    assert (float(first), float(second)) == pair
    assert not first.endswith(".0")
    assert not second.endswith(".0")
