"""Altered copies: what each keeps of the original, and which texts are left alone."""

from __future__ import annotations

import random
import re
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.filters.refusals import Refusals
from prefmill.curation.nuisances import log_length, nuisance
from prefmill.generators.probes.copies import (
    FEWEST_WORDS,
    REFUSAL,
    SIGNATURES,
    padded,
    reformatted,
    refused,
    relabelled,
    truncated,
)
from prefmill.generators.probes.pieces import pieces, unfinished
from prefmill.schemas.rows import Answer, Comparison, Example, Message, Task

LONGEST_SENTENCE = 12
CODE = "```python\ndef f(x):\n    return x. Upper\n\n\nf(1)\n```"


def _paragraph(chance: random.Random) -> str:
    def sentence() -> str:
        words = ["".join(chance.choices("abcdefgh'", k=chance.randint(1, 9))) for _ in range(chance.randint(2, 12))]
        return "A" + " ".join(words) + chance.choice(".!?")

    return " ".join(sentence() for _ in range(chance.randint(1, 5)))


def _prose(seed: int) -> str:
    chance = random.Random(seed)
    return "\n\n".join(_paragraph(chance) for _ in range(chance.randint(1, 5)))


seeds = st.integers(0, 10**6)
prose = seeds.map(_prose)
paragraphs = seeds.map(lambda seed: _paragraph(random.Random(seed)))
blocks = st.lists(st.one_of(paragraphs, st.just(CODE), st.just("    a = 1. B"), st.just("| a | B. C |")), min_size=1)
anything = st.one_of(blocks.map("\n\n".join), st.text(max_size=400), st.text("aB.! \n`-$", max_size=80))


def answer(text: str) -> Answer:
    return Answer(task_id="t", model="m", text=text)


def markdown(text: str, original: str) -> float:
    """The markdown difference as bias is measured on it, positive for more marks in `text`."""
    both = (answer(text), answer(original))
    task = Task(messages=(Message(role="user", content="?"),))
    comparison = Comparison(task_id=task.id, answer_ids=(both[0].id, both[1].id), models=("m", "m"))
    return nuisance("format", Example(index=0, task=task, answers=both, comparison=comparison), {})


@given(anything)
def test_pieces_are_the_text(text: str) -> None:
    text = text.strip()
    assert "".join(piece.text + piece.gap for piece in pieces(text)) == text


@given(prose)
def test_pieces_of_prose_are_its_sentences(text: str) -> None:
    assert [piece.text for piece in pieces(text)] == re.findall(r"\S[^.!?]*[.!?]", text)


@pytest.mark.parametrize(
    "whole",
    [
        CODE,
        "    indented. Code",
        "$$\na. B\n$$",
        "\\[ x. Y \\]",
        "| a. B | c |",
        "Dr. Smith met J. Doe.",
        "1. Bake it.",
    ],
)
def test_what_is_never_taken_apart(whole: str) -> None:
    assert whole in [piece.text for piece in pieces(f"First one.\n{whole}\nThe last. And more.")]


@given(prose, st.floats(1.5, 3))
def test_a_padded_copy_says_the_same_at_the_length_drawn(text: str, ratio: float) -> None:
    count = len(text.split())
    copy = padded(text, ratio)
    if count < FEWEST_WORDS:
        assert copy is None
        return
    assert copy is not None
    assert copy.startswith(text)
    joints = {"To put the same once more, here it is.", "And again, so that nothing is missed."}
    said = [block for block in copy.removeprefix(text).split("\n\n") if block and block not in joints]
    # Nothing is said that was not said before.
    assert {piece.text for block in said for piece in pieces(block)} <= {piece.text for piece in pieces(text)}
    assert len(said) >= 1
    # As near to the length as whole sentences allow, or the least that can be said again.
    assert abs(len(copy.split()) - ratio * count) <= LONGEST_SENTENCE / 2 + 9
    assert log_length(answer(copy), answer(text)) > 0


def test_ratios_of_long_answers_are_exact_enough() -> None:
    text = " ".join(f"Sentence number {number} is here to be said." for number in range(40))
    for ratio in (1.5, 2.0, 2.5, 3.0):
        copy = padded(text, ratio)
        assert copy is not None
        assert log_length(answer(copy), answer(text)) == pytest.approx(log(ratio), abs=0.03)


@given(prose)
def test_a_reformatted_copy_has_the_same_words_as_markdown(text: str) -> None:
    copy = reformatted(text)
    if all(len(pieces(paragraph)) < 2 for paragraph in text.split("\n\n")):
        assert copy is None
        return
    assert copy is not None
    assert re.sub(r"^- |\*\*", "", copy, flags=re.MULTILINE).split() == text.split()
    assert copy.count("\n\n") == text.count("\n\n")
    assert markdown(copy, text) == 1
    assert reformatted(copy) is None, "it is markdown now"


def test_code_in_a_reformatted_copy_stays_as_it_is() -> None:
    text = f"Call it. Then look at what it does.\n\n{CODE}\n\nThat is all. There is no more of it."
    copy = reformatted(text)
    assert copy == (
        f"- Call it.\n- **Then look at** what it does.\n\n{CODE}\n\n- That is all.\n- **There is no** more of it."
    )


@pytest.mark.parametrize(
    "text",
    ["# Bread\n\nOne. Two.", "- a\n- b", "1. One. Two.", "A **bold** word. Two.", "> Quoted. Text.", CODE, "", "One."],
)
def test_markdown_and_what_has_no_sentences_is_not_reformatted(text: str) -> None:
    assert reformatted(text) is None


@given(prose)
def test_a_truncated_copy_breaks_off_near_the_middle(text: str) -> None:
    copy = truncated(text)
    if len(text.split()) < FEWEST_WORDS:
        assert copy is None
        return
    assert copy is not None
    assert text.startswith(copy)
    assert not copy.endswith((".", "!", "?"))
    assert text[len(copy)].isspace(), "a word is not cut"
    assert 0 <= len(text.split()) / 2 - len(copy.split()) <= 2


@given(prose, st.sampled_from(SIGNATURES))
def test_a_relabelled_copy_has_one_line_more(text: str, signature: str) -> None:
    assert relabelled(text, signature) == f"{text}\n\n{signature}"


@given(anything, st.floats(1.5, 3))
def test_any_text_is_copied_or_left_alone(text: str, ratio: float) -> None:
    for copy in (padded(text, ratio), reformatted(text), truncated(text), relabelled(text, SIGNATURES[0])):
        assert copy is None or (copy.strip() and copy != text)
    added = padded(text, ratio)
    if added is not None:
        assert set(text.split()) <= set(added.split())
        assert len(added.split()) > len(text.split())


@given(prose)
def test_nothing_is_put_into_code_whose_fence_is_open(text: str) -> None:
    broken = f"{text}\n\n```python\n{' x' * FEWEST_WORDS}\n"
    assert unfinished(broken)
    assert not unfinished(f"{broken}```")
    assert padded(broken, 2) is relabelled(broken, SIGNATURES[0]) is None


def test_the_refusal_is_one_and_needs_an_answer_that_is_none() -> None:
    task = Task(messages=(Message(role="user", content="How is bread made?"),))
    assert Refusals().drop(task, answer(REFUSAL)) is not None
    assert refused(" ".join(["word"] * FEWEST_WORDS)) == REFUSAL
    assert refused("I cannot help with that.") is None
