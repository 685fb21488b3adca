"""Altered copies of an answer: what they are worth, and how they sway a teacher, by exactly what is planted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from statistics import fmean, stdev

import orjson
import pytest

from prefmill.curation.nuisances import markdown
from prefmill.generators.authoring.aimed import Aim
from prefmill.generators.world.chance import Chance
from prefmill.generators.world.endpoint import Endpoint
from prefmill.generators.world.fingerprint import Fingerprints
from prefmill.generators.world.latent import latent
from prefmill.generators.world.opinion import form_opinion
from prefmill.generators.world.population import ANSWERERS, BY_NAME, TEACHERS, Teacher
from prefmill.generators.world.prose import cut
from prefmill.generators.world.settings import Faults, WorldSettings
from prefmill.generators.world.shown import Shown, answers_in
from prefmill.generators.world.truth import true_quality, true_winner
from prefmill.generators.world.worth import CUT, quality_as_shown
from prefmill.schemas.rows import Answer, Message, Task
from prefmill.schemas.rubric import Level, Rubric

SETTINGS = WorldSettings(seed=40)
CHANCE, WORLD = Chance(SETTINGS.seed), Fingerprints(SETTINGS.seed)
PAIR = "[Question]\nWhy?\n\n[Answer 1]\n{}\n\n[Answer 2]\n{}\n\n[System]\nRate them from 1 to 10."
LABELS = "Question: Why?\nResponse A: {}\nResponse B: {}\nRubric:\nIs it right?"
TEXTS = "Texts:\n<text 1> {}\n<text 2> {}\n\n### Output\n"
SIGNATURES = (
    "(Answer written by GPT-4o.)",
    "This answer was written by Claude, a model made by Anthropic.",
    "— written by Mistral-Large",
)
RUBRIC = Rubric(
    criteria="Is it right?", levels=tuple(Level(score=score, description=f"{score}") for score in range(1, 6))
)


def _say(model: str, text: str) -> str:
    endpoint = Endpoint(SETTINGS)
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}]})
    status, reply = endpoint.reply(endpoint.arrive(body, None))
    assert status == 200, reply
    return str(reply["choices"][0]["message"]["content"])


@cache
def _answers(count: int = 300) -> list[str]:
    return [
        _say(ANSWERERS[k % len(ANSWERERS)].name, f"How does pump number {k} work, in detail?") for k in range(count)
    ]


def _sentences(text: str) -> list[str]:
    return re.findall(r"[^.\n]+\.", text)


def bullets(text: str) -> str:
    """A bullet for each sentence."""
    return "\n".join(f"- {sentence.strip()}" for sentence in _sentences(text))


def numbered(text: str) -> str:
    """A numbered list of the sentences."""
    return "\n".join(f"{number}. {sentence.strip()}" for number, sentence in enumerate(_sentences(text), start=1))


def bold(text: str) -> str:
    """The first three words of each sentence bold, within bullets."""
    return re.sub(r"^- (\S+ \S+ \S+)", r"- **\1**", bullets(text), flags=re.MULTILINE)


def spans(text: str) -> str:
    """The first words of each paragraph bold, and no list."""
    return re.sub(r"^(\S+ \S+) (\S+)", r"**\1 \2**", text, flags=re.MULTILINE)


REFORMATTED = pytest.mark.parametrize("reformatted", [bullets, numbered, bold, spans])


def _advantage(teacher: Teacher, copy: str, text: str) -> float:
    """What a teacher thinks a copy better than its text, in quality units, both orders together.

    The same call in both orders has the same noise and bonus of the first place, which cancel.
    """
    gaps = []
    for slot, pair in enumerate(((copy, text), (text, copy))):
        shown = answers_in(PAIR.format(*pair), WORLD)
        scores = form_opinion(CHANCE, teacher, shown, "call").scores
        gaps.append(scores[slot] - scores[1 - slot])
    return sum(gaps) / 2 / teacher.gain


def _longer(teacher: Teacher, copy: str, text: str) -> float:
    return teacher.length * math.log(len(copy.split()) / len(text.split()))


@pytest.mark.parametrize("template", [PAIR, LABELS, TEXTS], ids=["headings", "labels", "tags"])
@REFORMATTED
def test_a_reformatted_copy_is_shown_whole(reformatted: Callable[[str], str], template: str) -> None:
    for text in _answers()[:60]:
        copy = reformatted(text)
        first, second = answers_in(template.format(text, copy), WORLD)
        assert (first.words, first.marks) == (len(text.split()), 0)
        assert (second.words, second.identity) == (len(copy.split()), first.identity)


def test_ordinary_answers_have_no_marks_no_signature_and_their_full_quality() -> None:
    for text in _answers():
        (shown,) = answers_in(f"[Answer]\n{text}\n[End]", WORLD)
        assert shown == Shown(shown.identity, len(text.split()), marks=0, signed=False)
        assert shown.identity is not None
        quality = latent(CHANCE, shown.identity).quality
        assert true_quality(SETTINGS, text) == quality_as_shown(CHANCE, shown.identity, shown.words) == quality


@REFORMATTED
@pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.name)
def test_markdown_sways_a_teacher_by_what_is_planted(teacher: Teacher, reformatted: Callable[[str], str]) -> None:
    if teacher.flat:
        return
    text = _answers()[3]
    copy = reformatted(text)
    assert _advantage(teacher, copy, text) == pytest.approx(teacher.markdown + _longer(teacher, copy, text))
    assert true_quality(SETTINGS, copy) == true_quality(SETTINGS, text)


@REFORMATTED
def test_two_copies_with_markdown_differ_by_the_normalised_difference(reformatted: Callable[[str], str]) -> None:
    strong, text = TEACHERS[0], _answers()[3]
    one, other = reformatted(text), f"{bold(text)}\n\n- **That** is **it**."
    difference = markdown(*(Answer(task_id="task", model="model", text=copy) for copy in (one, other)))
    assert -1 < difference < 0
    assert _advantage(strong, one, other) == pytest.approx(strong.markdown * difference + _longer(strong, one, other))


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("place", ["above", "below"])
def test_a_signature_sways_a_teacher_by_what_is_planted(signature: str, place: str) -> None:
    text = _answers()[4]
    copy = f"{text}\n\n{signature}" if place == "below" else f"{signature}\n\n{text}"
    for teacher in (each for each in TEACHERS if not each.flat):
        words = _longer(teacher, copy, text) if place == "below" else 0
        assert _advantage(teacher, copy, text) == pytest.approx(teacher.signature + words)
    by_hand, signed = answers_in(PAIR.format(f"{text}\n\n(Answer written by hand.)", copy), WORLD)
    assert (by_hand.signed, signed.signed) == (False, True)
    (asked,) = answers_in(f"Which plays were written by Shakespeare?\n\n{text}", WORLD)
    assert not asked.signed


def test_biases_are_seen_in_grades() -> None:
    """Over the endpoint: the mean gap of grades between copy and text is the planted bonus, in grades."""
    cheap, gaps = BY_NAME["sim-teacher-cheap-1"], []
    assert isinstance(cheap, Teacher)
    for text in _answers():
        copy = bullets(text)
        grades = [_grades(cheap.name, copy, text), _grades(cheap.name, text, copy)[::-1]]
        gaps.append(fmean(one - other for one, other in grades) - cheap.gain * _longer(cheap, copy, text))
    assert abs(fmean(gaps) - cheap.gain * cheap.markdown) < 3 * stdev(gaps) / math.sqrt(len(gaps))
    assert fmean(gaps) > 10 * stdev(gaps) / math.sqrt(len(gaps))


def _grades(teacher: str, first: str, second: str) -> tuple[int, int]:
    one, other = _say(teacher, PAIR.format(first, second)).partition("\n")[0].split(" ")
    return int(one), int(other)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_cut_copy_loses_the_share_that_is_missing(share: float) -> None:
    for text in _answers():
        ((_, identity), *_) = WORLD.find(text)
        copy = cut(text, share)
        truth = latent(CHANCE, identity)
        missing = (truth.words - len(copy.split())) / truth.words
        lost = CUT * missing if missing > max(8 / truth.words, 0.2) else 0
        assert true_quality(SETTINGS, copy) == pytest.approx(truth.quality - lost)
        assert true_winner(SETTINGS, text, copy) == ("first" if lost else "tie")
        assert lost > 0 or share == 0.7
        strong = TEACHERS[0]
        assert _advantage(strong, copy, text) == pytest.approx(_longer(strong, copy, text) - lost)


def test_a_little_less_and_anything_more_costs_nothing() -> None:
    for text in _answers():
        shorter, longer = " ".join(text.split()[:-3]), f"{text}\n\nAgain. {text}"
        assert true_winner(SETTINGS, text, shorter) == true_winner(SETTINGS, text, longer) == "tie"


def test_an_answer_that_aims_at_a_length_is_not_cut() -> None:
    task = Task(messages=(Message(role="user", content="How does it work?"),), rubric=RUBRIC)
    for score in (1, 3, 5):
        prompt = "\n\n".join(message.content for message in Aim(words=20).messages(task, score))
        text = _say("sim-birch-14b", prompt)
        ((_, identity), *_) = WORLD.find(text)
        assert latent(CHANCE, identity).words > len(text.split()) + 10
        assert true_quality(SETTINGS, text) == latent(CHANCE, identity).quality


def test_a_teacher_prefers_the_whole_to_a_reply_that_a_fault_cut() -> None:
    endpoint = Endpoint(SETTINGS.model_copy(update={"faults": Faults(truncated=1)}))
    body = orjson.dumps({"model": "sim-oak-70b", "messages": [{"role": "user", "content": "How do lifts work?"}]})
    _, reply = endpoint.reply(endpoint.arrive(body, None))
    part, whole = reply["choices"][0]["message"]["content"], _say("sim-oak-70b", "How do lifts work?")
    assert whole.startswith(part)
    for first, second in ((part, whole), (whole, part)):
        one, other = _grades("sim-teacher-perfect", first, second)
        assert (one > other) == (first == whole)
