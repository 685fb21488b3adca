"""Every shipped recipe as it stands: it runs on the simulated world, exports something, and is finished for good.

Those that read a file of tasks read its beginning only, so that all of them together take seconds; those whose tasks
are written are run whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from prefmill.generators.authoring.grid import EVEN, FLAT
from prefmill.pipelines.examples import examples
from prefmill.pipelines.recipe import Recipe
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.pipelines.templates import templates, write_template
from prefmill.schemas.rows import Example, Loss

TASKS = 10
"""Lines read of a file of tasks."""


Runs = Callable[[str], tuple[Recipe, RunDirectory, dict[str, Any]]]


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A template's recipe, run and manifest; run when first asked for."""

    @cache
    def made(name: str) -> tuple[Recipe, RunDirectory, dict[str, Any]]:
        folder = tmp_path_factory.mktemp(name)
        recipe = read_recipe(write_template(name, folder / f"{name}.yaml")[0])
        if not recipe.tasks.authors():
            recipe = read_recipe(folder / f"{name}.yaml", TASKS)
        return recipe, RunDirectory(folder / "run"), run(recipe, folder / "run")

    return made


@pytest.mark.parametrize("name", templates())
def test_it_runs_and_every_export_has_rows(made: Runs, name: str) -> None:
    recipe, place, manifest = made(name)
    assert (manifest["finished"], manifest["simulated"], manifest["name"]) == (True, True, name)
    assert recipe.exports
    for plugin in recipe.exports:
        counted = manifest["stages"][f"export {plugin.plugin_name()}"]
        assert counted["kept"] > 0, plugin.plugin_name()
        folder = place.path / "export" / plugin.plugin_name()
        assert sum((folder / file).stat().st_size for file in plugin.files if (folder / file).exists()) > 0
        assert "simulated" in (folder / "README.md").read_text()


@pytest.mark.parametrize("name", templates())
def test_every_row_is_accounted_for(made: Runs, name: str) -> None:
    recipe, place, manifest = made(name)
    stages = manifest["stages"]
    for stage, count in stages.items():
        assert count["in"] == count["kept"] + sum(count["dropped"].values()) + sum(count["failed"].values()), stage
    assert stages["answers"]["in"] == len(recipe.slots()) * stages["tasks"]["kept"]
    assert stages["verdicts"]["in"] == stages["comparisons"]["kept"]
    if recipe.judge.judge.single:
        assert stages["grades"]["in"] == len(recipe.judge.teachers) * stages["answers"]["kept"] > 0
        assert stages["judgments"]["in"] == 0
    else:
        assert stages["judgments"]["in"] >= stages["comparisons"]["kept"] > 0
        assert stages["grades"]["in"] == 0
    kept = list(examples(place))
    assert sum(example.verdict is not None for example in kept) == stages["verdicts"]["kept"]
    assert sum(len(example.grades) for example in kept if example.verdict is None) == stages["grades"]["kept"]
    lost = [loss for part in range(place.parts()) for loss in place.rows(Loss, part)] + place.late_losses()
    for stage, count in stages.items():
        if not stage.startswith("export"):
            assert sum(loss.stage == stage for loss in lost) == count["in"] - count["kept"], stage


@pytest.mark.parametrize("name", templates())
def test_a_second_run_sends_nothing_and_ends_the_same(made: Runs, name: str) -> None:
    recipe, place, manifest = made(name)

    def files() -> dict[str, bytes]:
        return {
            str(file): file.read_bytes() for file in (place.path / "export").rglob("*.*") if file.name != "README.md"
        }

    before = files()
    again = run(recipe, place.path)
    assert again["this_time"]["sent"] == 0
    assert again["this_time"]["found"] >= sum(row["calls"] for row in again["calls"]) > 0
    assert (again["stages"], again["calls"], again.get("grid")) == (
        manifest["stages"], manifest["calls"], manifest.get("grid")
    )  # fmt: skip
    assert files() == before


def test_the_feedback_collection_is_flat(made: Runs) -> None:
    """Counted anew in what was kept: as many answers of every score, of like length, each for a cell of its own."""
    recipe, place, manifest = made("feedback_collection")
    assert recipe.aim is not None
    kept: dict[int | None, list[Example]] = {}
    for example in examples(place):
        kept.setdefault(example.answers[0].intended, []).append(example)
    assert sorted(kept, key=str) == list(recipe.aim.scores)
    counts = [len(rows) for rows in kept.values()]
    assert 1 - min(counts) / max(counts) <= FLAT == 0.02
    words = [sum(len((row.answers[0].text or "").split()) for row in rows) / len(rows) for rows in kept.values()]
    assert 1 - min(words) / max(words) <= EVEN == 0.10
    assert min(counts) > 50
    for score, rows in kept.items():
        assert len({row.task.id for row in rows}) == len(rows)
        assert {grade.score for row in rows for grade in row.grades} == {score}
    grid = manifest["grid"]
    assert list(grid["rows"].values()) == [len(kept[score]) for score in recipe.aim.scores]
    assert (grid["tilt"] <= FLAT, grid["length_gap"] <= EVEN) == (True, True)
    assert len(grid["missing"]) < 0.1 * manifest["stages"]["tasks"]["kept"] * len(recipe.aim.scores)
