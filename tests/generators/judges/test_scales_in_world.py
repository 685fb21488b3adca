"""The simulated world replies to UltraFeedback's, MT-Bench's and the criteria judge's own prompts as they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import permutations

import aiohttp
import pytest

from prefmill.generators.judges import Judge, Reading
from prefmill.generators.judges.criteria import Criteria, Criterion
from prefmill.generators.judges.mt_bench_pair import MTBenchPair
from prefmill.generators.judges.mt_bench_single import MTBenchSingle
from prefmill.generators.judges.ultrafeedback import UltraFeedback
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.schemas.rows import Answer, Message, Reference, Task

QUESTION = "Which metals rust, and which do not?"
MODELS = ("sim-oak-70b", "sim-elm-9b", "sim-pine-7b", "sim-birch-14b")
PERFECT, CHEAP = "sim-teacher-perfect", "sim-teacher-cheap-1"
CHAT = (
    Message(role="user", content="Name a metal."),
    Message(role="assistant", content="Iron."),
    Message(role="user", content=QUESTION),
)


@pytest.fixture(name="base_url", scope="module")
def _base_url() -> Iterator[str]:
    with running(WorldSettings(seed=24)) as world:
        yield world.base_url


@pytest.fixture(name="texts", scope="module")
def _texts(base_url: str) -> list[str]:
    """Answers of the world, the first much better than the third."""
    asked = (Message(role="user", content=QUESTION),)
    return _say(base_url, *((model, asked) for model in MODELS))


def _say(base_url: str, *asked: tuple[str, tuple[Message, ...]]) -> list[str]:
    async def one(session: aiohttp.ClientSession, model: str, messages: tuple[Message, ...]) -> str:
        body = {"model": model, "messages": [message.model_dump() for message in messages]}
        async with session.post(f"{base_url}/chat/completions", json=body) as reply:
            assert reply.status == 200
            return str((await reply.json())["choices"][0]["message"]["content"])

    async def every() -> list[str]:
        async with aiohttp.ClientSession() as session:
            return list(await asyncio.gather(*(one(session, *question) for question in asked)))

    return asyncio.run(every())


def _judged(
    base_url: str, judge: Judge, texts: Sequence[str], task: Task, *, reference: bool = False, teacher: str = PERFECT
) -> Reading:
    answers = [Answer(task_id=task.id, model=f"model-{k}", text=text) for k, text in enumerate(texts)]
    parts = judge.questions(task, answers, reference)
    return judge.read_all(_say(base_url, *((teacher, part) for part in parts)), len(texts))


def _task(*messages: Message, reference: str | None = None) -> Task:
    return Task(
        messages=messages or (Message(role="user", content=QUESTION),),
        reference=None if reference is None else Reference(text=reference, origin="model"),
    )


@pytest.mark.parametrize("messages", [(), CHAT], ids=["one turn", "two turns"])
@pytest.mark.parametrize("with_reference", [False, True])
def test_mt_bench(base_url: str, texts: list[str], messages: tuple[Message, ...], with_reference: bool) -> None:
    task = _task(*messages, reference=texts[3])
    better, worse = texts[0], texts[2]
    for shown, scores in (([better, worse], (1.0, 0.0)), ([worse, better], (0.0, 1.0))):
        reading = _judged(base_url, MTBenchPair(), shown, task, reference=with_reference)
        assert reading.scores == scores
        assert reading.rationale.startswith("[simulated] ")
    ratings = [
        _judged(base_url, MTBenchSingle(), [text], task, reference=with_reference).scores[0] for text in (better, worse)
    ]
    assert ratings[0] > ratings[1]


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("number", [2, 3, 4])
def test_ultrafeedback(base_url: str, texts: list[str], number: int, with_reference: bool) -> None:
    task = _task(reference=texts[3])
    shown = [texts[2], texts[0], texts[1], texts[3]][:number]
    reading = _judged(base_url, UltraFeedback(), shown, task, reference=with_reference)
    assert len(reading.scores) == number
    assert reading.scores[1] > reading.scores[0]
    assert all(len(aspect.scores) == len(aspect.feedback) == number for aspect in reading.aspects)


def test_criteria(base_url: str, texts: list[str]) -> None:
    judge = Criteria(criteria=(*Criteria().criteria, Criterion(name="Facts (all)", least=0, most=10)))
    reading = _judged(base_url, judge, [texts[2], texts[0], texts[1]], _task(reference=texts[3]), reference=True)
    assert len(reading.scores) == 3
    assert reading.scores[1] == max(reading.scores) > reading.scores[0]
    assert [aspect.criterion for aspect in reading.aspects] == [criterion.name for criterion in judge.criteria]


@pytest.mark.parametrize("judge", [UltraFeedback(), Criteria()], ids=["ultrafeedback", "criteria"])
def test_aspects_agree_in_the_main_and_differ_now_and_then(base_url: str, texts: list[str], judge: Judge) -> None:
    total = near = other = 0
    for shown in permutations(texts, 3):
        for aspect in (reading := _judged(base_url, judge, shown, _task(), teacher=CHEAP)).aspects[1:]:
            for one, first in zip(aspect.scores, reading.aspects[0].scores, strict=True):
                if one is not None and first is not None:
                    total, near, other = total + 1, near + (abs(one - first) <= 1), other + (one != first)
    assert near > 0.9 * total > 100
    assert 0.1 * total < other < 0.6 * total
