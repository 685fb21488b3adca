"""Over real sockets, every teacher shows the accuracy and consistency that are planted in it."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from prefmill.generators.world.population import ANSWERERS, TEACHERS, Teacher
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_quality, true_winner

SETTINGS = WorldSettings(seed=20)
PAIRS = 800
PROMPT = """[Question]
{question}

[The Start of Assistant 1's Answer]
{first}

[The End of Assistant 1's Answer]

[The Start of Assistant 2's Answer]
{second}

[The End of Assistant 2's Answer]

[System]
Please grade both answers on a scale of 1 to 10, on one line, and explain your evaluation below it."""


def _post_all(base_url: str, requests: list[tuple[str, str]]) -> list[str]:
    """Reply texts to (model, message) pairs, 64 requests at once."""

    async def post(session: aiohttp.ClientSession, model: str, message: str) -> str:
        body = {"model": model, "messages": [{"role": "user", "content": message}]}
        async with session.post(f"{base_url}/chat/completions", json=body) as response:
            reply: dict[str, Any] = await response.json()
        return str(reply["choices"][0]["message"]["content"])

    async def post_each() -> list[str]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
            return list(await asyncio.gather(*(post(session, *request) for request in requests)))

    return asyncio.run(post_each())


@dataclass(frozen=True)
class Asked:
    """Tasks, each answered by two different models."""

    base_url: str
    questions: list[str]
    answers: list[tuple[str, str]]

    def verdicts(self, teacher: str, *, swapped: bool = False) -> list[int]:
        """1, 0 or -1 for each pair: whether the answer shown first wins."""
        prompts = []
        for question, pair in zip(self.questions, self.answers, strict=True):
            first, second = pair[::-1] if swapped else pair
            prompts.append((teacher, PROMPT.format(question=question, first=first, second=second)))
        gaps = []
        for reply in _post_all(self.base_url, prompts):
            one, other = map(int, reply.partition("\n")[0].split(" "))
            gaps.append(one - other)
        return [(gap > 0) - (gap < 0) for gap in gaps]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    draw = random.Random(4)
    questions = [f"How would you compare river {number} with the longest river nearby?" for number in range(PAIRS)]
    pairs = [draw.sample([model.name for model in ANSWERERS], 2) for _ in questions]
    with running(SETTINGS) as world:
        first, second = (
            _post_all(world.base_url, [(pair[side], question) for pair, question in zip(pairs, questions, strict=True)])
            for side in (0, 1)
        )
        yield Asked(world.base_url, questions, list(zip(first, second, strict=True)))


def _within(observed: float, planted: float) -> bool:
    """Within three standard errors of a share over all pairs."""
    return abs(observed - planted) <= 3 * math.sqrt(planted * (1 - planted) / PAIRS)


@pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.name)
def test_a_teacher_is_as_right_and_as_consistent_as_planted(teacher: Teacher, asked: Asked) -> None:
    truth = [1 if true_winner(SETTINGS, *pair) == "first" else -1 for pair in asked.answers]
    shown, swapped = asked.verdicts(teacher.name), asked.verdicts(teacher.name, swapped=True)
    right = [0.5 if verdict == 0 else float(verdict == true) for verdict, true in zip(shown, truth, strict=True)]
    same = [-one == other for one, other in zip(shown, swapped, strict=True)]
    assert _within(sum(right) / PAIRS, teacher.planted.accuracy)
    assert _within(sum(same) / PAIRS, teacher.planted.consistency)


def test_the_same_order_asked_again_mostly_gives_the_same_winner(asked: Asked) -> None:
    strong = TEACHERS[0]
    before, again = asked.verdicts(strong.name), asked.verdicts(strong.name)
    assert before != again
    assert _within(sum(map(int.__eq__, before, again)) / PAIRS, strong.planted.retest)


def test_answering_models_are_as_far_apart_as_planted(asked: Asked) -> None:
    best, worst = ANSWERERS[0], ANSWERERS[-1]
    means = []
    for model in (best, worst):
        texts = _post_all(asked.base_url, [(model.name, question) for question in asked.questions])
        means.append(sum(true_quality(SETTINGS, text) for text in texts) / PAIRS)
    # Difficulty is the same for both: the difference of the two means has the variance of two unit normals.
    assert abs((means[0] - means[1]) - (best.strength - worst.strength)) < 3 * math.sqrt(2 / PAIRS)
