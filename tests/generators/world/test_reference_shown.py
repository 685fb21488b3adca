"""A reference answer in the prompt, however it is labelled, makes a teacher's persistent errors smaller."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import orjson
import pytest

from prefmill.generators.judges import Judge
from prefmill.generators.judges.criteria import Criteria
from prefmill.generators.judges.flow_judge import FlowJudge
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.judges.mt_bench_single import MTBenchSingle
from prefmill.generators.judges.pandalm import PandaLM
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.judges.prometheus_relative import PrometheusRelative
from prefmill.generators.judges.ultrafeedback import UltraFeedback
from prefmill.generators.world.chance import Chance
from prefmill.generators.world.endpoint import Endpoint
from prefmill.generators.world.fingerprint import Fingerprints, Identity
from prefmill.generators.world.latent import latent
from prefmill.generators.world.opinion import form_opinion
from prefmill.generators.world.population import ANSWERERS, ERROR_WITH_REFERENCE, TEACHERS, Teacher
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.shown import Shown, answers_in, reference_in
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

SETTINGS = WorldSettings(seed=52)
CHANCE, WORLD = Chance(SETTINGS.seed), Fingerprints(SETTINGS.seed)
RUBRIC = Rubric(
    criteria="Is it right?", levels=tuple(Level(score=score, description=f"{score}") for score in range(1, 6))
)
QUESTION = "How does a heat pump work?"
CHATS = {
    "one turn": (Message(role="user", content=QUESTION),),
    "two turns": (
        Message(role="user", content="Name a machine."),
        Message(role="assistant", content="A pump."),
        Message(role="user", content=QUESTION),
    ),
}
JUDGES: tuple[Judge, ...] = (
    JudgeLM(),
    MTBenchPair(),
    MTBenchSingle(),
    PrometheusRelative(),
    PrometheusRelative(template="package-0.1.20"),
    PrometheusAbsolute(),
    PrometheusAbsolute(template="training"),
    Criteria(),
    FlowJudge(),
)


def _name(judge: Judge) -> str:
    return f"{judge.plugin_name()} {getattr(judge, 'template', '')}"


def _say(model: str) -> str:
    endpoint = Endpoint(SETTINGS)
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": QUESTION}]})
    _, reply = endpoint.reply(endpoint.arrive(body, None))
    return str(reply["choices"][0]["message"]["content"])


ONE, OTHER, BEST = map(_say, ("sim-pine-7b", "sim-elm-9b", "sim-oak-70b"))
REFERENCES = {"by a simulated model": BEST, "plain": "It moves heat.\n\nA compressor drives it."}


def _prompts(judge: Judge, chat: Sequence[Message], reference: str, *, shown: bool) -> list[str]:
    task = Task(messages=tuple(chat), rubric=RUBRIC, reference=Reference(text=reference))
    texts = (ONE,) if judge.single else (ONE, OTHER)
    answers = [Answer(task_id=task.id, model=f"model-{slot}", text=text) for slot, text in enumerate(texts)]
    return ["\n\n".join(m.content for m in part) for part in judge.questions(task, answers, shown)]


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)
@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS)
@pytest.mark.parametrize("judge", JUDGES, ids=_name)
def test_every_judge_s_reference_is_seen(judge: Judge, chat: Sequence[Message], reference: str) -> None:
    for shown in (True, False):
        (prompt,) = _prompts(judge, chat, reference, shown=shown)
        assert reference_in(prompt, WORLD) == shown
        assert len(answers_in(prompt, WORLD)) == (1 if judge.single else 2)


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)
def test_ultrafeedback_shows_it_under_two_of_its_aspects(reference: str) -> None:
    with_it, without = (_prompts(UltraFeedback(), CHATS["one turn"], reference, shown=shown) for shown in (True, False))
    assert [reference_in(prompt, WORLD) for prompt in with_it] == [False, False, True, True]
    assert not any(reference_in(prompt, WORLD) for prompt in without)
    assert all(len(answers_in(prompt, WORLD)) == 2 for prompt in with_it)


def test_what_is_no_reference() -> None:
    (pandalm,) = _prompts(PandaLM(), CHATS["one turn"], BEST, shown=False)
    (empty,) = _prompts(JudgeLM(), CHATS["one turn"], "", shown=True)
    mentions = f"Compare both with the reference answer: it is right.\nReferences:\nSmith 1999\n[Answer]\n{ONE}\n[End]"
    assert not any(reference_in(prompt, WORLD) for prompt in (pandalm, empty, mentions, ONE))


def _rights(teacher: Teacher, pairs: int, *, with_reference: bool) -> float:
    """Share of right winners over both orders, of opinions about random pairs."""
    draw, right = random.Random(5), 0.0
    for number in range(pairs):
        task = draw.getrandbits(32)
        identities = [Identity(task, model.number, draw.getrandbits(18)) for model in draw.sample(ANSWERERS, 2)]
        truths = [latent(CHANCE, identity) for identity in identities]
        shown = [Shown(identity, truth.words) for identity, truth in zip(identities, truths, strict=True)]
        for slot, order in enumerate((shown, shown[::-1])):
            opinion = form_opinion(CHANCE, teacher, order, f"{number} {slot}", with_reference=with_reference)
            right += (opinion.best == slot) == (truths[0].quality > truths[1].quality)
    return right / pairs / 2


def test_persistent_errors_shrink_by_what_is_planted() -> None:
    """The same call with and without the reference differs by the errors alone."""
    draw, strong, errors = random.Random(6), TEACHERS[0], list[tuple[float, float]]()
    for number in range(2000):
        identities = [Identity(draw.getrandbits(32), 0, draw.getrandbits(18)) for _ in range(2)]
        truths = [latent(CHANCE, identity) for identity in identities]
        shown = [Shown(identity, truth.words) for identity, truth in zip(identities, truths, strict=True)]
        longer = strong.length * math.log(truths[0].words / truths[1].words)
        gaps = []
        for with_reference in (False, True):
            in_both = 0.0
            for slot, order in enumerate((shown, shown[::-1])):
                scores = form_opinion(CHANCE, strong, order, str(number), with_reference=with_reference).scores
                in_both += (scores[slot] - scores[1 - slot]) / strong.gain / 2
            gaps.append(in_both - longer - (truths[0].quality - truths[1].quality))
        errors.append((gaps[0], gaps[1]))
    assert all(abs(one * ERROR_WITH_REFERENCE - other) < 1e-9 for one, other in errors)
    planted = (strong.shared**2 + strong.private**2) ** 0.5
    assert stdev(one for one, _ in errors) == pytest.approx(planted, rel=3 / (2 * 2000) ** 0.5)
    assert abs(fmean(one for one, _ in errors)) < 3 * planted / 2000**0.5


@pytest.mark.parametrize("teacher", TEACHERS[:2], ids=lambda teacher: teacher.name)
def test_teachers_are_right_more_often(teacher: Teacher) -> None:
    without, with_it = (_rights(teacher, 2000, with_reference=shown) for shown in (False, True))
    assert with_it > without + 0.02


def test_a_teacher_asked_a_plain_question_answers_it_and_never_a_template_without_answers() -> None:
    def asked(content: str) -> tuple[int, dict[str, Any]]:
        body = {"model": "sim-teacher-strong", "messages": [{"role": "user", "content": content}]}
        endpoint = Endpoint(WorldSettings(seed=3))
        return endpoint.reply(endpoint.arrive(orjson.dumps(body), None))

    status, body = asked("Which trees keep their leaves?")
    assert status == 200
    assert len(body["choices"][0]["message"]["content"].split()) >= 25
    assert asked("[Question]\nWhich?\n\n[The Start of Assistant 1's Answer]\nsome text\n[The End]")[0] == 400
