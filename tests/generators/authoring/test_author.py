"""The author over real sockets: a fixed order whatever the timing, no call twice, every missing piece with a reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.authoring.dedupe import Known
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import Faults, WorldSettings
from prefmill.schemas.errors import Stopped
from prefmill.schemas.rows import Loss, Task

from .conftest import AUTHOR, REFERENCE, authored

if TYPE_CHECKING:
    from prefmill.generators.sources.authored import Authored

    from .conftest import At

WORLD = WorldSettings(seed=11)
FAULTS = Faults(rate_limited=0.02, truncated=0.1, empty=0.05, refusal=0.1)


def _written(desk: At, settings: WorldSettings, source: Authored, seed: int = 7) -> list[Task | Loss]:
    async def write() -> list[Task | Loss]:
        with running(settings) as world:
            async with desk(world, source.authors(), f"{settings.latency}.sqlite") as open_desk:
                return await open_desk.written(source, seed)

    return asyncio.run(write())


def _tasks(pieces: list[Task | Loss]) -> list[Task]:
    return [piece for piece in pieces if isinstance(piece, Task)]


def test_every_instruction_of_every_rubric_becomes_a_task(desk: At) -> None:
    tasks = _tasks(_written(desk, WORLD, authored(4, 3, licence="cc-by-4.0")))
    assert [task.source_id for task in tasks] == [
        f"rubric-{rubric}/instruction-{number}" for rubric in (1, 2, 3, 4) for number in (1, 2, 3)
    ]
    assert len({task.id for task in tasks}) == 12
    assert len({task.rubric for task in tasks}) == 4
    for task in tasks:
        assert (task.source, task.licence, len(task.messages)) == ("authored", "cc-by-4.0", 1)
        assert task.rubric is not None
        assert [level.score for level in task.rubric.levels] == [1, 2, 3, 4, 5]
        assert task.reference is not None
        assert (task.reference.origin, task.reference.model) == ("model", REFERENCE)


def test_duplicates_are_dropped_with_what_they_repeat_and_replaced(desk: At) -> None:
    pieces = _written(desk, WORLD, authored(40, 1))
    tasks = _tasks(pieces)
    losses = Counter((piece.stage, piece.status, piece.reason) for piece in pieces if isinstance(piece, Loss))
    assert len(tasks) == 40
    assert losses["rubrics", "dropped", "near_duplicate"] >= 1
    assert losses["rubrics", "dropped", "duplicate"] >= 1
    dropped = [piece for piece in pieces if isinstance(piece, Loss) and piece.reason == "near_duplicate"]
    assert all("of its words are those of draft-" in loss.detail for loss in dropped)
    for one, other in combinations([task.rubric for task in tasks if task.rubric], 2):
        known = Known(0.5)
        known.add("one", one)
        assert known.repeats(other) is None


def test_the_same_whatever_the_timing(desk: At) -> None:
    slow = WORLD.model_copy(update={"latency": 0.01, "latency_sigma": 1.5})
    other = WORLD.model_copy(update={"latency": 0.001, "latency_sigma": 1.0})
    source = authored(6, 4)
    assert _written(desk, WORLD, source) == _written(desk, slow, source) == _written(desk, other, source)


def test_the_seed_draws_the_demonstrations(desk: At) -> None:
    async def write() -> list[list[Task | Loss]]:
        with running(WORLD) as world:
            async with desk(world, authored().authors()) as open_desk:
                return [await open_desk.written(authored(), seed) for seed in (7, 8)]

    first, second = asyncio.run(write())
    assert {task.rubric for task in _tasks(first)}.isdisjoint({task.rubric for task in _tasks(second)})


def test_a_stopped_author_goes_on_where_it_was(desk: At) -> None:
    slow = WORLD.model_copy(update={"latency": 0.01})
    one_by_one = {"provider": "simulated", "model": REFERENCE, "max_in_flight": 1}
    source = authored(6, 4, reference=one_by_one)

    async def write() -> tuple[int, int, list[Task | Loss], list[Task | Loss]]:
        with running(slow) as world:
            async with desk(world, source.authors()) as stopped:
                stream = source.authored(stopped.callers, 7)
                early = [await anext(stream), await anext(stream)]
                stopped.halt.request(Stopped("enough"))
                with pytest.raises(Stopped):
                    async for piece in stream:
                        early.append(piece)
                before = stopped.sent
        with running(slow) as world:
            async with desk(world, source.authors()) as resumed:
                pieces = await resumed.written(source)
                return before, resumed.sent, early, pieces

    before, after, early, pieces = asyncio.run(write())
    whole = _written(desk, slow, source)
    assert 2 <= len(early) < len(pieces)
    assert early == pieces[: len(early)]
    assert pieces == whole

    async def again() -> tuple[int, int]:
        with running(slow) as world:
            async with desk(world, source.authors()) as open_desk:
                await open_desk.written(source)
                return open_desk.sent, sum(row.calls for row in open_desk.ledger.totals())

    sent, calls = asyncio.run(again())
    assert sent == 0
    assert before + after == calls


def test_no_draft_is_paid_for_that_is_not_needed(desk: At) -> None:
    source = authored(8, 1)
    pieces = _written(desk, WORLD, source)
    lost = [piece for piece in pieces if isinstance(piece, Loss)]

    async def asked() -> dict[str, int]:
        with running(WORLD) as world:
            async with desk(world, source.authors(), "0.0.sqlite") as open_desk:
                await open_desk.written(source)
                assert open_desk.sent == 0
                return {row.model: row.calls for row in open_desk.ledger.totals()}

    calls = asyncio.run(asked())
    assert calls[REFERENCE] == 8
    # A draft and its paraphrase; instructions for each rubric. Copies of a draft share their paraphrase's call.
    copies = sum(loss.reason == "duplicate" for loss in lost)
    assert 2 * (8 + len(lost)) + 8 - copies <= calls[AUTHOR] <= 2 * (8 + len(lost)) + 8


def test_a_world_with_faults_gives_a_loss_for_every_task_it_does_not_give(desk: At) -> None:
    settings = WORLD.model_copy(update={"faults": FAULTS})
    pieces = _written(desk, settings, authored(6, 5, retries=0))
    tasks = [piece for piece in pieces if isinstance(piece, Task) or piece.stage == "tasks"]
    lost = [piece for piece in pieces if isinstance(piece, Loss)]
    assert len(tasks) == 30
    assert {loss.reason for loss in lost} >= {"unreadable", "empty"}
    assert {loss.by for loss in lost} == {AUTHOR, REFERENCE}
    assert any("cut off at the token limit" in loss.detail for loss in lost)
    assert any("I'm sorry" in loss.detail for loss in lost)
    assert not any("I'm sorry" in (task.reference.text if task.reference else "") for task in _tasks(pieces))
    named = [task.source_id if isinstance(task, Task) else task.row_id for task in tasks]
    assert named == [f"rubric-{rubric}/instruction-{n}" for rubric in range(1, 7) for n in range(1, 6)]
    assert len(_tasks(_written(desk, settings.model_copy(update={"latency": 0.001}), authored(6, 5)))) == 30


def test_rubrics_that_could_not_be_found_are_missing_tasks(desk: At) -> None:
    source = authored(rubrics={"seeds": authored().rubrics.seeds, "wanted": 5, "drafts": 6, "most_alike": 0.12}, each=2)
    pieces = _written(desk, WORLD, source)
    drafts = [piece for piece in pieces if isinstance(piece, Loss) and piece.stage == "rubrics"]
    missing = [piece for piece in pieces if isinstance(piece, Loss) and piece.stage == "tasks"]
    found = 6 - len(drafts)
    assert found < 5
    assert len(_tasks(pieces)) == 2 * found
    assert [loss.row_id for loss in missing] == [
        f"rubric-{rubric}/instruction-{number}" for rubric in range(found + 1, 6) for number in (1, 2)
    ]
    assert {(loss.reason, loss.detail) for loss in missing} == {("no_rubric", f"{found} rubrics of 5 after 6 drafts")}


def test_a_limit_gives_the_first_tasks_and_asks_for_no_others(desk: At) -> None:
    whole, part = authored(4, 3), authored(4, 3, limit=5)

    async def write() -> tuple[list[Task | Loss], list[Task | Loss], int, int]:
        with running(WORLD) as world:
            async with desk(world, part.authors()) as open_desk:
                few = await open_desk.written(part)
                references = open_desk.callers[REFERENCE].tally.sent
                sent = open_desk.sent
                return few, await open_desk.written(whole), references, sent

    few, every, references, sent = asyncio.run(write())
    assert _tasks(few) == _tasks(every)[:5]
    assert references == 5
    assert sent < 5 + 4 + 2 * 4


def test_many_instructions_are_asked_for_in_several_replies(desk: At) -> None:
    tasks = _tasks(_written(desk, WORLD, authored(1, 23)))
    assert len({task.instruction for task in tasks}) == 23


def test_an_author_that_is_left_leaves_nothing_running(desk: At) -> None:
    slow, source = WORLD.model_copy(update={"latency": 0.02}), authored(8, 4)

    async def write() -> int:
        with running(slow) as world:
            async with desk(world, source.authors()) as open_desk:
                pieces = source.authored(open_desk.callers, 7)
                await anext(pieces)
                await pieces.aclose()
                return len(asyncio.all_tasks()) - 1

    assert asyncio.run(write()) == 0
