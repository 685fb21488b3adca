"""Answers are found in any template, in the order shown, with the length that is shown."""

from __future__ import annotations

import pytest

from prefmill.generators.world.chance import Chance
from prefmill.generators.world.fingerprint import Fingerprints, Identity
from prefmill.generators.world.prose import answer_text
from prefmill.generators.world.shown import answers_in

WORLD = Fingerprints(1)
ONE, TWO, THREE = (Identity(11, model, 0) for model in (0, 1, 2))
QUESTION = "Why is the sky blue at noon and red at sunset?"
TEMPLATES = {
    "judgelm": "[Question]\n{q}\n\n[The Start of Assistant 1's Answer]\n{a}\n\n[The End of Assistant 1's Answer]\n\n"
    "[The Start of Assistant 2's Answer]\n{b}\n\n[The End of Assistant 2's Answer]\n\n[System]\nRate them, 1 to 10.",
    "prometheus": "###Task Description:\nCompare.\n\n###Instruction:\n{q}\n\n###Response A:\n{a}\n\n"
    "###Response B:\n{b}\n\n###Score Rubric:\nIs it right?\n\n###Feedback: ",
    "labels": "Question: {q}\nResponse A: {a}\nResponse B: {b}\nRubric:\nIs it right? Say which response is better.",
    "tags": "<question>{q}</question>\n<answer>\n{a}\n</answer>\n<answer>\n{b}\n</answer>\nWhich one is better?",
    "bare": "{q}\n\n{a}\n\n{b}",
}


def _text(identity: Identity, words: int = 120) -> str:
    return answer_text(Chance(1), WORLD.word(identity), QUESTION, words)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_both_answers_are_found_with_their_lengths(template: str) -> None:
    first, second = _text(ONE, 60), _text(TWO, 200)
    shown = answers_in(template.format(q=QUESTION, a=first, b=second), WORLD)
    assert [answer.identity for answer in shown] == [ONE, TWO]
    assert [answer.words for answer in shown] == [len(first.split()), len(second.split())]


def test_a_padded_copy_is_longer_and_the_same_answer() -> None:
    text = _text(ONE)
    padded = f"{text}\n\nIn other words, all of the above.\n\n{text}"
    shown = answers_in(TEMPLATES["judgelm"].format(q=QUESTION, a=text, b=padded), WORLD)
    assert [answer.identity for answer in shown] == [ONE, ONE]
    assert shown[1].words == 2 * shown[0].words + 7


@pytest.mark.parametrize("label", ["[Reference Answer]\n", "###Reference Answer (Score 5):\n", "Reference: "])
def test_a_reference_answer_is_left_out(label: str) -> None:
    prompt = f"{QUESTION}\n\n{label}{_text(THREE)}\n\n" + TEMPLATES["judgelm"].format(q="", a=_text(ONE), b=_text(TWO))
    assert [answer.identity for answer in answers_in(prompt, WORLD)] == [ONE, TWO]


def test_a_reference_without_fingerprint_is_no_answer() -> None:
    prompt = f"[Reference Answer]\nRayleigh scattering.\n\n[Answer]\n{_text(ONE)}"
    assert [answer.identity for answer in answers_in(prompt, WORLD)] == [ONE]
    assert answers_in("Rayleigh scattering.", WORLD) == []


@pytest.mark.parametrize("words", [30, 60, 110, 250, 400])
@pytest.mark.parametrize("question", [QUESTION, "1+1?", "天空为什么是蓝色的"])
def test_texts_have_the_length_they_were_meant_to_have(words: int, question: str) -> None:
    text = answer_text(Chance(1), WORLD.word(ONE), question, words)
    assert abs(len(text.split()) - words) <= 10
    assert text.startswith("[simulated] ")
