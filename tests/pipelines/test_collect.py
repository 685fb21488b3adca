"""The collector: rows in any order become the same files and the same counts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from prefmill.pipelines.collect import Collector
from prefmill.pipelines.rundir import FOLDERS, RunDirectory
from prefmill.pipelines.waterfall import Unaccounted, Waterfall
from prefmill.schemas.errors import RunDirectoryError
from prefmill.schemas.probe import Probe
from prefmill.schemas.row import Row
from prefmill.schemas.rows import Answer, Comparison, Grade, Judgment, Loss, Review, Task, Verdict

Made = Callable[[int], tuple[Any, ...]]
LINES = 25


def collect(
    path: Path, made: Made, order: Iterable[int], read: int | None, tasks_a_part: int = 7
) -> tuple[RunDirectory, Collector]:
    directory = RunDirectory(path)
    collector = Collector(directory, tasks_a_part)

    async def work() -> None:
        for place in order:
            await collector(*made(place))
        await collector.finish(read)

    asyncio.run(work())
    return directory, collector


def everything(directory: RunDirectory, kind: type[Row]) -> list[Any]:
    return [row for number in range(directory.parts()) for row in directory.rows(kind, number)]


def test_rows_are_written_in_source_order_and_counted(tmp_path: Path, made: Made) -> None:
    directory, collector = collect(tmp_path, made, range(LINES), LINES)
    whole = [made(place) for place in range(LINES)]
    expected: dict[type[Row], list[Any]] = {
        Task: [seed.task for seed, *_ in whole if seed.task],
        Answer: [row for _, answered, *_ in whole for row in answered.answers],
        Comparison: [row for _, _, paired, *_ in whole for row in paired.comparisons],
        Judgment: [row for *_, judged, _ in whole for row in judged.judgments],
        Grade: [],
        Probe: [],
        Verdict: [row for *_, judged, _ in whole for row in judged.verdicts],
        Review: [],
        Loss: [loss for stages in whole for stage in stages for loss in stage.losses],
    }
    assert {kind: everything(directory, kind) for kind in FOLDERS} == expected
    assert min(len(rows) for kind, rows in expected.items() if kind not in (Grade, Probe, Review)) > 5
    fall = collector.waterfall
    fall.check()
    assert fall["tasks"].entered == LINES
    assert fall["answers"].entered == len(expected[Answer])
    assert fall["comparisons"].entered == 3 * len(expected[Task])
    assert fall["judgments"].entered == len(expected[Judgment])
    assert fall["verdicts"].entered == fall["comparisons"].kept == len(expected[Verdict])
    assert fall["verdicts"].kept == sum(len(curated.kept) for *_, curated in whole)
    lost = sum(count.dropped.total() + count.failed.total() for _, count in fall)
    assert lost == len(expected[Loss])
    # Losses of every kind are in this test's rows, so that none of the sums holds by accident.
    assert all(count.failed for stage, count in fall if stage != "grades")
    assert fall["answers"].dropped
    assert fall["verdicts"].dropped
    assert collector.done == LINES


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_rows_finish_changes_nothing(tmp_path: Path, made: Made, seed: int) -> None:
    shuffled = random.Random(seed).sample(range(LINES), LINES)
    directory, collector = collect(tmp_path / "plain", made, range(LINES), LINES)
    other, its_collector = collect(tmp_path / "other", made, shuffled, LINES)
    assert its_collector.waterfall == collector.waterfall
    assert files(other.path) == files(directory.path)


def files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


@pytest.mark.parametrize(("tasks_a_part", "parts"), [(1, 25), (7, 4), (25, 1), (2000, 1)])
def test_part_k_of_every_kind_is_about_the_same_tasks(
    tmp_path: Path, made: Made, tasks_a_part: int, parts: int
) -> None:
    directory, _ = collect(tmp_path, made, reversed(range(LINES)), LINES, tasks_a_part)
    assert directory.parts() == parts
    for number in range(parts):
        first, last = number * tasks_a_part, min((number + 1) * tasks_a_part, LINES)
        places = [place for place in range(first, last) if place % 5 != 4]
        assert [task.source_id for task in directory.rows(Task, number)] == [str(place) for place in places]
        ids = {task.id for task in directory.rows(Task, number)}
        assert {answer.task_id for answer in directory.rows(Answer, number)} == ids
        assert {comparison.task_id for comparison in directory.rows(Comparison, number)} <= ids
        assert {judgment.task_id for judgment in directory.rows(Judgment, number)} <= ids
        assert {verdict.task_id for verdict in directory.rows(Verdict, number)} <= ids


def test_nothing_is_written_before_its_turn(tmp_path: Path, made: Made) -> None:
    """A part is whole once it is there, however early later rows came."""

    async def work() -> list[int]:
        directory, parts = RunDirectory(tmp_path), []
        collector = Collector(directory, 5)
        for place in [*range(1, LINES), 0]:
            await collector(*made(place))
            parts.append(directory.parts())
        return parts

    assert asyncio.run(work()) == [0] * (LINES - 1) + [5]


@pytest.mark.parametrize("missing", [[0], [12], [24], [3, 4]])
def test_a_line_that_did_not_come_through_is_a_bug(tmp_path: Path, made: Made, missing: list[int]) -> None:
    order = [place for place in range(LINES) if place not in missing]
    with pytest.raises(Unaccounted, match=f"25 source lines were read, and {len(order)} came through"):
        collect(tmp_path, made, order, LINES)


def test_a_stopped_run_shows_what_came_through(tmp_path: Path, made: Made) -> None:
    directory, collector = collect(tmp_path, made, [9, 0, 2, 13], None, tasks_a_part=2)
    assert [task.source_id for task in everything(directory, Task)] == ["0", "2", "13"]
    assert collector.waterfall["tasks"].entered == 4
    collector.waterfall.check()


def test_a_run_without_lines_writes_nothing(tmp_path: Path, made: Made) -> None:
    directory, collector = collect(tmp_path, made, [], 0)
    assert directory.parts() == 0
    assert collector.waterfall == Waterfall()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, made: Made) -> None:
    (tmp_path / "3-comparisons").write_text("in the way")
    with pytest.raises(RunDirectoryError, match=r"3-comparisons.*make space") as caught:
        collect(tmp_path, made, range(LINES), LINES)
    assert "\n" not in str(caught.value)
