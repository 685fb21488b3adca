"""What the simulated world writes for an author: rubrics with favourites, requests, references, aimed answers."""

from __future__ import annotations

from collections import Counter
from functools import cache
from statistics import fmean, stdev

import orjson
import pytest

from prefmill.generators.authoring import instructions, paraphrase, references, rubrics
from prefmill.generators.authoring.aimed import Aim
from prefmill.generators.world.aimed import MISSES
from prefmill.generators.world.endpoint import Endpoint
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_quality
from prefmill.generators.world.writing.rubric import FAVOURITES
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.rubric import Level, Rubric

SETTINGS = WorldSettings(seed=24)
OAK, PINE = "sim-oak-70b", "sim-pine-7b"
SCORES = (1, 2, 3, 4, 5)
MIDDLES = dict(zip(SCORES, (-5.0, -2.75, -0.5, 1.75, 4.0), strict=True))


def _said(messages: tuple[Message, ...], model: str = OAK, endpoint: Endpoint | None = None) -> str:
    endpoint = endpoint or Endpoint(SETTINGS)
    turns = [message.model_dump() for message in messages]
    status, reply = endpoint.reply(endpoint.arrive(orjson.dumps({"model": model, "messages": turns}), None))
    assert status == 200, reply
    return str(reply["choices"][0]["message"]["content"])


def _rubric(name: str) -> Rubric:
    levels = tuple(Level(score=score, description=f"{name} {score}") for score in SCORES)
    return Rubric(criteria=f"Is it {name}?", levels=levels)


def _task(number: int) -> Task:
    return Task(messages=(Message(role="user", content=f"How does engine {number} work?"),), rubric=_rubric("clear"))


@cache
def _aimed(score: int, words: int | None, model: str = OAK) -> list[str]:
    return [_said(Aim(words=words).messages(_task(number), score), model) for number in range(400)]


def test_new_rubrics_are_readable_and_some_are_favourites_again() -> None:
    shown = [_rubric("kind"), _rubric("short")]
    found = [rubrics.read(_said(rubrics.ask(shown, number)), SCORES) for number in range(400)]
    often = Counter(found).most_common(3)
    assert sum(count for _, count in often) == pytest.approx(400 * FAVOURITES, abs=20)
    assert len(set(found)) > 300
    assert all(rubric.criteria.startswith("[simulated] ") for rubric in found)


@pytest.mark.parametrize("scores", [(1, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_rubrics_on_other_scales(scores: tuple[int, ...]) -> None:
    levels = tuple(Level(score=score, description=f"level {score}") for score in scores)
    shown = [Rubric(criteria="Is it so?", levels=levels)]
    assert [level.score for level in rubrics.read(_said(rubrics.ask(shown, 1)), scores).levels] == list(scores)


def test_a_paraphrase_is_another_text_of_the_same_rubric() -> None:
    new = rubrics.read(_said(rubrics.ask([_rubric("kind")], 1)), SCORES)
    reworded = paraphrase.read(_said(paraphrase.ask(new)), new)
    assert reworded != new
    assert reworded.criteria.split()[-1] == new.criteria.split()[-1]


def test_requests_and_references() -> None:
    new = rubrics.read(_said(rubrics.ask([_rubric("kind")], 1)), SCORES)
    texts = instructions.read(_said(instructions.ask(new, 10)), 10)
    assert all(text.startswith("[simulated] ") for text in texts)
    reference = references.read(_said(references.ask(new, texts[0], 90)))
    assert true_quality(SETTINGS, reference) != 0
    assert len(reference.split()) == pytest.approx(90, abs=8)


@pytest.mark.parametrize("score", SCORES)
def test_quality_fits_the_aim_but_for_planted_misses(score: int) -> None:
    qualities = [true_quality(SETTINGS, text) for text in _aimed(score, 100)]
    nearest = Counter(min(SCORES, key=lambda other: abs(MIDDLES[other] - quality)) for quality in qualities)
    missed = 4 if score == 5 else score + 1
    assert set(nearest) == {score, missed}
    assert nearest[missed] / 400 == pytest.approx(MISSES, abs=0.05)
    hit = [quality for quality in qualities if abs(quality - MIDDLES[score]) < 1]
    assert fmean(hit) == pytest.approx(MIDDLES[score], abs=0.1)
    assert stdev(hit) == pytest.approx(0.3, abs=0.05)


def test_length_follows_what_was_asked_for_and_quality_where_nothing_was() -> None:
    for words in (60, 100):
        means = {score: fmean(len(text.split()) for text in _aimed(score, words)) for score in SCORES}
        assert all(mean == pytest.approx(words, rel=0.06) for mean in means.values())
        assert means[5] > means[1]
    free = {score: fmean(len(text.split()) for text in _aimed(score, None)) for score in SCORES}
    assert free[5] > 2 * free[1]
    sentences = [_said(Aim(sentences=5).messages(_task(number), 3)).count(".") for number in range(100)]
    assert fmean(sentences) == pytest.approx(5, abs=1)


def test_a_teacher_knows_an_aimed_answer_and_its_family() -> None:
    def grade(text: str) -> int:
        prompt = f'Rate it: "[[rating]]".\n[Answer]\n{text}\n[End]'
        return int(_said((Message(role="user", content=prompt),), "sim-teacher-perfect").rpartition("[[")[2][:-2])

    hits = {s: next(t for t in _aimed(s, 100) if abs(true_quality(SETTINGS, t) - MIDDLES[s]) < 0.2) for s in SCORES}
    grades = [grade(hits[score]) for score in SCORES]
    assert grades == sorted(set(grades))
    assert _aimed(3, 100, PINE)[0] != _aimed(3, 100)[0]


def test_ordinary_questions_are_answered_as_before() -> None:
    """The texts that other tests, benchmarks and ledgers hold do not change."""
    said = _said((Message(role="user", content="Which metals rust, and which do not?"),))
    assert said.startswith("[simulated] Note ")
    assert "Criterion" not in said
