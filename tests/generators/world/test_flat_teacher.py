"""`sim-teacher-flat`: right as often as the strong teacher, and its grades are two apart whatever it is shown.

Its accuracy and consistency are among the planted rates of `test_planted.py`.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import correlation

import orjson
import pytest

from prefmill.generators.judges import Judge
from prefmill.generators.judges.criteria import Criteria
from prefmill.generators.judges.judgelm import JudgeLM
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.judges.mt_bench_single import MTBenchSingle
from prefmill.generators.judges.pandalm import PandaLM
from prefmill.generators.judges.prometheus_relative import PrometheusRelative
from prefmill.generators.judges.ultrafeedback import UltraFeedback, read_aspect
from prefmill.generators.world.endpoint import Endpoint
from prefmill.generators.world.population import BY_NAME, TEACHERS, Teacher
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_quality
from prefmill.schemas.rows import Answer, Message, Task
from prefmill.schemas.rubric import Level, Rubric
from prefmill.schemas.ultrafeedback_aspects import ASPECTS

SETTINGS = WorldSettings(seed=63)
STRONG, FLAT = "sim-teacher-strong", "sim-teacher-flat"
MODELS = ("sim-pine-7b", "sim-oak-70b", "sim-elm-9b", "sim-birch-14b")
RUBRIC = Rubric(
    criteria="Is it right?", levels=tuple(Level(score=score, description=f"{score}") for score in range(1, 6))
)
TASKS = 400


def _say(model: str, messages: tuple[Message, ...]) -> str:
    endpoint = Endpoint(SETTINGS)
    body = orjson.dumps({"model": model, "messages": [message.model_dump() for message in messages]})
    status, reply = endpoint.reply(endpoint.arrive(body, None))
    assert status == 200, reply
    return str(reply["choices"][0]["message"]["content"])


@cache
def _shown(number: int, answers: int = 2) -> tuple[Task, list[Answer]]:
    task = Task(messages=(Message(role="user", content=f"How does machine {number} work?"),), rubric=RUBRIC)
    models = [MODELS[(number + slot) % len(MODELS)] for slot in range(answers)]
    return task, [Answer(task_id=task.id, model=model, text=_say(model, task.messages)) for model in models]


def _scores(teacher: str, judge: Judge, number: int, answers: int = 2) -> tuple[float, ...]:
    task, shown = _shown(number, answers)
    return judge.read_all([_say(teacher, part) for part in judge.questions(task, shown, False)], answers).scores


def _gaps(teacher: str) -> list[float]:
    scores = [_scores(teacher, JudgeLM(), number) for number in range(TASKS)]
    return [one - other for one, other in scores]


def _distances() -> list[float]:
    """How far apart the two answers of each task truly are."""
    texts = [[answer.text or "" for answer in _shown(number)[1]] for number in range(TASKS)]
    return [true_quality(SETTINGS, one) - true_quality(SETTINGS, other) for one, other in texts]


def _right(gaps: list[float]) -> list[float]:
    return [0.5 if not gap else float((gap > 0) == (far > 0)) for gap, far in zip(gaps, _distances(), strict=True)]


def test_the_size_of_the_gap_tells_nothing_and_the_winner_as_much_as_the_strong_teacher_s() -> None:
    flat, strong = _gaps(FLAT), _gaps(STRONG)
    assert {abs(gap) for gap in flat} == {2.0}
    assert len({abs(gap) for gap in strong}) > 5
    sizes = [abs(gap) for gap in strong]
    assert correlation(sizes, _right(strong)) > 3 / math.sqrt(TASKS)
    shares = [sum(_right(gaps)) / TASKS for gaps in (flat, strong)]
    assert abs(shares[0] - shares[1]) < 3 * math.sqrt(2 * 0.8 * 0.2 / TASKS)


def test_it_is_the_strong_teacher_but_for_its_family_and_its_grades() -> None:
    strong, flat = BY_NAME[STRONG], BY_NAME[FLAT]
    assert isinstance(strong, Teacher)
    assert isinstance(flat, Teacher)
    differing = {name for name in Teacher.__slots__ if getattr(strong, name) != getattr(flat, name)}
    assert differing == {"name", "family", "flat", "planted"}
    assert flat.family not in {member.family for member in BY_NAME.values() if member is not flat}
    assert flat.price == strong.price


@pytest.mark.parametrize(
    ("judge", "gap"),
    [(JudgeLM(), 2), (MTBenchPair(), 1), (PandaLM(), 1), (PrometheusRelative(), 1), (Criteria(), 3)],
    ids=lambda value: value.plugin_name() if isinstance(value, Judge) else "",
)
def test_every_form_has_the_same_gap_and_no_tie(judge: Judge, gap: float) -> None:
    assert {abs(one - other) for one, other in (_scores(FLAT, judge, number) for number in range(60))} == {gap}


def test_each_aspect_of_ultrafeedback_has_the_same_gap() -> None:
    """Aspects are asked one by one, and two calls about a close pair may differ."""
    for number in range(40):
        task, shown = _shown(number)
        parts = UltraFeedback().questions(task, shown, False)
        ratings = [read_aspect(aspect, _say(FLAT, part), 2).scores for aspect, part in zip(ASPECTS, parts, strict=True)]
        assert {abs(one - other) for one, other in ratings if one is not None and other is not None} <= {1.0}


@pytest.mark.parametrize(("answers", "grades"), [(3, [4, 6, 8]), (4, [3, 5, 7, 9])])
def test_several_answers_are_ranked_in_even_steps(answers: int, grades: list[int]) -> None:
    for number in range(40):
        assert sorted(_scores(FLAT, JudgeLM(), number, answers)) == grades


def test_an_answer_alone_is_good_or_bad() -> None:
    grades = {_scores(FLAT, MTBenchSingle(), number, 1) for number in range(60)}
    assert grades == {(5.0,), (7.0,)}
    assert all(teacher.flat == (teacher.name == FLAT) for teacher in TEACHERS)
