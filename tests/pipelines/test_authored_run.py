"""Whole runs whose tasks models write: nothing is sent twice, whatever stopped them, and no draft is lost unseen."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.budget import Caps
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import Faults, WorldSettings
from prefmill.pipelines.progress import Snapshot
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import CapReached, EndpointError, SourceError
from prefmill.schemas.row import Row
from prefmill.schemas.rows import Answer, Loss, Task

SEEDS = Path(__file__).parents[2] / "pipelines" / "recipes" / "seed_rubrics.jsonl"
IN_FLIGHT = 4
"""Calls in flight to each model."""
AUTHOR, ANSWERER, TEACHER = "sim-oak-70b", "sim-pine-32b", "sim-teacher-strong"


def write_recipe(folder: Path, base_url: str, **changes: object) -> Path:
    """Every entry has a seed, so that no two questions of a run are the same and the world says the same again."""
    entry = {"provider": "openai", "base_url": base_url, "timeout": 5, "attempts": 3, "max_in_flight": IN_FLIGHT}
    recipe = {
        "name": "authored",
        "seed": 5,
        "tasks": {
            "source": "authored",
            "rubrics": {"seeds": str(SEEDS), "wanted": 3},
            "instructions_per_rubric": 4,
            "author": {**entry, "model": AUTHOR, "sampling": {"temperature": 1.0, "seed": 1}},
        },
        "aim": {"scores": [1, 3, 5], "words": 60},
        "answers": [{**entry, "model": ANSWERER, "sampling": {"temperature": 1.0, "seed": 1}}],
        "judge": {
            "judge": "prometheus_absolute",
            "teachers": [{**entry, "model": TEACHER, "sampling": {"temperature": 0, "seed": 1}}],
        },
        "filters": ["empty_answers", "truncated_answers", "refusals", "intended_score"],
        "exports": ["feedback_collection"],
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def arrived(base_url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/stats") as reply:
        stats: dict[str, Any] = json.load(reply)
        return stats


def exported(directory: Path) -> dict[str, bytes]:
    files = {file.name: file.read_bytes() for file in sorted(directory.glob("export/*/*.json*"))}
    assert files
    return files


def rows(directory: Path, kind: type[Row]) -> list[Any]:
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def calls(manifest: dict[str, Any]) -> int:
    return sum(row["calls"] for row in manifest["calls"])


def test_a_run_that_was_stopped_sends_nothing_twice(tmp_path: Path) -> None:
    """Stopped while rubrics, tasks, answers and grades are made; the world counts what arrives."""
    with running(WorldSettings(seed=2)) as world:
        whole = run(read_recipe(write_recipe(tmp_path, world.base_url)), tmp_path / "whole")
        assert arrived(world.base_url)["repeats"] == 0
    assert (whole["stages"]["tasks"]["kept"], whole["stages"]["answers"]["kept"]) == (12, 36)
    with running(WorldSettings(seed=2)) as world:
        recipe, directory = read_recipe(write_recipe(tmp_path, world.base_url)), tmp_path / "run"
        for cap in (2, 9, 20, 50, 90):
            with pytest.raises(CapReached):
                run(recipe, directory, caps=Caps(calls=cap))
            assert arrived(world.base_url)["requests"] == cap
        ended = run(recipe, directory)
        assert arrived(world.base_url)["repeats"] == 0
        assert arrived(world.base_url)["requests"] == calls(ended) == calls(whole)
    assert ended["this_time"] == {**ended["this_time"], "found": 90, "sent": calls(whole) - 90}
    assert ended["stages"] == whole["stages"]
    assert exported(directory) == exported(tmp_path / "whole")
    # The world is gone; nothing is asked of it.
    again = run(recipe, directory)
    assert (again["this_time"]["sent"], again["stages"]) == (0, whole["stages"])


def test_every_draft_and_task_is_accounted_for(tmp_path: Path) -> None:
    """With an author whose replies are cut off, empty or refusals: what is not written is lost with its reason."""
    faults = Faults(empty=0.05, truncated=0.1, refusal=0.05, server_error=0.1, unreadable=0.2)
    with running(WorldSettings(seed=4, faults=faults)) as world:
        path = write_recipe(tmp_path, world.base_url)
        recipe = yaml.safe_load(path.read_text())
        recipe["tasks"] |= {"retries": 0, "rubrics": {"seeds": str(SEEDS), "wanted": 4, "drafts": 5}}
        path.write_text(yaml.safe_dump(recipe))
        manifest = run(read_recipe(path), tmp_path / "run")
    stages = manifest["stages"]
    for stage, count in stages.items():
        assert count["in"] == count["kept"] + sum(count["dropped"].values()) + sum(count["failed"].values()), stage
    assert stages["tasks"]["in"] == 16
    assert 0 < stages["tasks"]["kept"] < 16
    assert stages["rubrics"]["in"] <= 5
    assert stages["rubrics"]["failed"]["unreadable"] > 0
    assert stages["answers"]["in"] == 3 * stages["tasks"]["kept"]
    losses = Counter((loss.stage, loss.status) for loss in rows(tmp_path / "run", Loss))
    assert losses["rubrics", "failed"] == sum(stages["rubrics"]["failed"].values())
    assert losses["tasks", "failed"] == sum(stages["tasks"]["failed"].values()) == 16 - stages["tasks"]["kept"]


def test_tasks_come_in_the_plans_order_with_what_they_were_written_with(tmp_path: Path) -> None:
    seen: list[Snapshot] = []
    with running(WorldSettings(seed=2, latency=0.01)) as world:
        manifest = run(read_recipe(write_recipe(tmp_path, world.base_url)), tmp_path / "run", watch=seen.append)
    tasks: list[Task] = rows(tmp_path / "run", Task)
    assert [task.source_id for task in tasks] == [
        f"rubric-{rubric}/instruction-{number}" for rubric in (1, 2, 3) for number in (1, 2, 3, 4)
    ]
    assert all(task.source == "authored" and task.rubric and task.reference for task in tasks)
    assert {task.reference.model for task in tasks if task.reference} == {AUTHOR}
    answers: list[Answer] = rows(tmp_path / "run", Answer)
    assert [(one.sample, one.intended) for one in answers] == [(0, 1), (1, 3), (2, 5)] * 12
    last = seen[-1]
    assert (last.tasks_done, last.tasks_total) == (12 + manifest["stages"]["rubrics"]["in"] - 3, 12)
    assert [(stage.stage, stage.model) for stage in last.stages] == [
        ("tasks", AUTHOR), ("answers", ANSWERER), ("judgments", TEACHER)
    ]  # fmt: skip
    assert [row["stage"] for row in manifest["calls"]] == ["answers", "judgments", "tasks"]


def test_an_author_that_is_down_stops_the_run(tmp_path: Path) -> None:
    with running(WorldSettings()) as world:
        gone = world.base_url
    path = write_recipe(tmp_path, gone)
    with pytest.raises(EndpointError, match="cannot connect"):
        run(read_recipe(path), tmp_path / "run")
    assert not RunDirectory(tmp_path / "run").manifest()["finished"]


def test_seeds_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "seeds.jsonl").write_text('{"criteria": "Is it right?", "levels": ["No."]}\n')
    recipe = yaml.safe_load(write_recipe(tmp_path, "http://127.0.0.1:9/v1").read_text())
    recipe["tasks"]["rubrics"]["seeds"] = "seeds.jsonl"
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(SourceError, match=r"seeds\.jsonl:1: levels: at least two scores must be described"):
        run(read_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
