"""The whole recipe over the simulated world: 20 rubrics x 5 instructions x 5 scores, checked by an independent judge.

What stands here of pipelines is what the stages do with a task: ask, grade, filter, ask again for what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefmill.curation.filters.intended_score import IntendedScore
from prefmill.generators.authoring.aimed import Aim
from prefmill.generators.authoring.grid import Cell, Entry, Grid, Group, balance, group_of, missing
from prefmill.generators.judges.prometheus_absolute import PrometheusAbsolute
from prefmill.generators.providers import Request
from prefmill.generators.providers.simulated import Simulated
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.schemas.rows import Answer, Grade, Task

from .conftest import authored

if TYPE_CHECKING:
    from prefmill.generators.calls import Caller

    from .conftest import At

WORLD = WorldSettings(seed=3)
AIM = Aim(words=120)
WRITER, TEACHER = Simulated(model="sim-pine-32b"), Simulated(model="sim-teacher-strong")
ROUNDS = 6
"""How often a cell may be asked for: each time about every fourth answer is not graded as intended."""


@dataclass
class Made:
    """What a run came to."""

    tasks: list[Task]
    rounds: list[int]
    """Answers asked for in each round."""
    entries: list[Entry]
    grid: Grid


async def _aimed(writer: Caller, task: Task, score: int, sample: int) -> Answer:
    request = Request(AIM.messages(task, score), writer.provider.sampling, sample, task)
    outcome = await writer.call(request)
    assert outcome.reply is not None
    name = writer.provider.label
    return Answer(task_id=task.id, model=name, sample=sample, intended=score, text=outcome.reply.text)


async def _graded(teacher: Caller, task: Task, answer: Answer) -> Grade:
    judge = PrometheusAbsolute()
    outcome = await teacher.call(Request(judge.ask(task, [answer], True), teacher.provider.sampling, 0, task))
    assert outcome.reply is not None
    score = judge.read(outcome.reply.text, 1).scores[0]
    return Grade(answer_id=answer.id, task_id=task.id, teacher="t", judge="prometheus_absolute", score=score)


async def _round(
    writer: Caller, teacher: Caller, tasks: Mapping[Group, Task], cells: Sequence[Cell], sample: int
) -> list[Entry]:
    """The answers to some cells whose grade is the score they aimed at."""

    async def one(cell: Cell) -> Entry | None:
        task = tasks[cell.group]
        answer = await _aimed(writer, task, cell.score, sample)
        if IntendedScore().drop(task, answer, (await _graded(teacher, task, answer),)) is not None:
            return None
        return Entry(answer.id, cell.group, cell.score, len((answer.text or "").split()))

    return [entry for entry in await asyncio.gather(*map(one, cells)) if entry is not None]


def _made(desk: At, rounds: int) -> Made:
    source = authored(20, 5)

    async def make() -> Made:
        with running(WORLD) as world:
            async with desk(world, (*source.authors(), WRITER, TEACHER)) as open_desk:
                tasks = [piece for piece in await open_desk.written(source) if isinstance(piece, Task)]
                writer, teacher = open_desk.callers[WRITER.label], open_desk.callers[TEACHER.label]
                groups = {group_of(task): task for task in tasks}
                entries: list[Entry] = []
                asked = []
                for sample in range(rounds):
                    cells = missing(entries, list(groups), AIM.scores)
                    asked.append(len(cells))
                    entries += await _round(writer, teacher, groups, cells, sample)
                return Made(tasks, asked, entries, balance(entries, list(groups), AIM.scores))

    return asyncio.run(make())


def test_one_round_is_balanced_by_dropping_and_says_what_is_missing(desk: At) -> None:
    made = _made(desk, 1)
    assert (len(made.tasks), made.rounds) == (100, [500])
    # About one answer in eight misses its score, and the judge errs on about as many others.
    assert 330 <= len(made.entries) <= 430
    assert len(made.grid.missing) == 500 - len(made.entries)
    assert made.grid.tilt <= 0.02
    assert made.grid.length_gap < 0.10
    assert sum(made.grid.counts.values()) == len(made.grid.kept) > 250
    assert len(made.grid.kept) + len(made.grid.dropped) == len(made.entries)


def test_asking_again_for_what_is_missing_fills_the_grid(desk: At) -> None:
    made = _made(desk, ROUNDS)
    assert made.rounds == sorted(made.rounds, reverse=True)
    assert len(made.grid.missing) <= 5
    assert made.grid.tilt <= 0.02
    assert made.grid.length_gap < 0.10
    assert len(made.grid.kept) >= 480
    assert all(110 <= words <= 130 for words in made.grid.lengths.values())
