"""A run whose sets are chosen: tasks before they are paid for, pairs after they are labelled, sides of the split."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.pipelines.examples import examples
from prefmill.pipelines.export import export_again
from prefmill.pipelines.recipe_reading import formats_named, read_recipe
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.pipelines.selecting import flagged_comparisons
from prefmill.schemas.errors import RecipeError, UserError
from prefmill.schemas.rows import Task

MODELS = ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")
SIMULATED = {"provider": "simulated", "timeout": 20, "max_in_flight": 16}
TASKS, KEPT = 60, 70
FILTERS: list[Any] = [
    {"filter": "diverse", "keep": KEPT},
    {"filter": "label_noise", "most": 0.2},
    "pair_policy",
    {"filter": "length_matched", "least": 0.6},
    {"filter": "balance", "over": {"winner": "uniform"}},
]


def write_recipe(folder: Path, filters: list[Any], **changes: object) -> Path:
    questions = [f"What does part {n} of engine {n % 7} do, and why?" for n in range(TASKS)]
    # Every third is asked again, with a word more at its end.
    questions += [f"{question} Please." for question in questions[::3]]
    lines = [json.dumps({"id": f"q{n}", "instruction": question}) for n, question in enumerate(questions)]
    (folder / "tasks.jsonl").write_text("\n".join(lines) + "\n")
    recipe = {
        "name": "chosen",
        "seed": 5,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**SIMULATED, "model": model, "sampling": {"temperature": 0.7}} for model in MODELS],
        "compare": {"pairs": "all"},
        "judge": {"judge": "judgelm", "protocol": "one_order",
                  "teachers": [{**SIMULATED, "model": "sim-teacher-cheap-1", "sampling": {"temperature": 0}}]},
        "filters": filters,
        "exports": [{"format": "preference", "test_share": 0.3}],
        **changes,
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.fixture(name="chosen", scope="module")
def _chosen(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("chosen")
    manifest = run(read_recipe(write_recipe(folder, FILTERS)), folder / "run")
    return RunDirectory(folder / "run"), manifest


def test_every_row_is_accounted_for(chosen: tuple[RunDirectory, dict[str, Any]]) -> None:
    place, manifest = chosen
    stages, told = manifest["stages"], manifest["filters"]
    assert stages["tasks"]["dropped"] == {"diverse": TASKS + TASKS // 3 - KEPT}
    assert sum(row["calls"] for row in manifest["calls"]) == KEPT * (3 + 3), "nothing is paid for tasks that go"
    dropped = stages["verdicts"]["dropped"]
    # Each sees what the filters before it have kept.
    assert dropped["pair_policy"] == told["pair_policy"]["pairs"] - told["pair_policy"]["kept"] >= 2 * KEPT - 10
    assert told["length_matched"]["pairs"] <= told["pair_policy"]["kept"]
    assert dropped.get("length_matched", 0) == told["length_matched"]["pairs"] - told["length_matched"]["kept"]
    kept = list(examples(place))
    assert len(kept) == stages["verdicts"]["kept"] == told["balance"]["kept"]
    winners = Counter(example.verdict.winner for example in kept if example.verdict)
    assert abs(winners["first"] - winners["second"]) <= 1
    assert max(Counter(example.task.id for example in kept).values()) == 1
    assert stages["export preference"]["in"] == len(kept)


def test_near_duplicates_are_on_one_side(chosen: tuple[RunDirectory, dict[str, Any]]) -> None:
    place, manifest = chosen
    split = manifest["split"]
    assert split["tasks"] == KEPT > split["groups"]
    one = split["formats"]["preference"]
    assert one["groups"]["both"] == 0 and one["groups"]["train"] and one["groups"]["held_out"]
    assert one["rows"] == {
        side: len((place.path / "export" / "preference" / name).read_text().splitlines())
        for side, name in (("train", "train.jsonl"), ("held_out", "test.jsonl"))
    }
    assert json.loads((place.path / "manifest.json").read_text())["split"] == split


def test_references_of_the_teachers_change_no_task(tmp_path: Path) -> None:
    """Two teachers write two references to a task: its pairs are still those of one task, in one group."""
    teachers = [
        {**SIMULATED, "model": f"sim-teacher-{name}", "sampling": {"temperature": 0}} for name in ("cheap-1", "cheap-2")
    ]
    judge = {"judge": "judgelm", "protocol": "reference_first", "teachers": teachers}
    manifest = run(read_recipe(write_recipe(tmp_path, ["pair_policy"], judge=judge)), tmp_path / "run")
    place = RunDirectory(tmp_path / "run")
    tasks = {task.id: task for part in range(place.parts()) for task in place.rows(Task, part)}
    kept = list(examples(place))
    assert {example.task.id for example in kept}.isdisjoint(tasks), "they are shown with a reference of a teacher's own"
    assert max(Counter(example.task_id for example in kept).values()) == 1
    assert manifest["filters"]["pair_policy"]["tasks"] <= len(tasks)
    assert {loss.task_id for loss in place.late_losses()} <= tasks.keys()
    groups = manifest["split"]["formats"]["preference"]["groups"]
    assert groups["train"] + groups["held_out"] <= manifest["split"]["groups"] < len(tasks)
    sides: dict[str, set[str]] = {}
    for name in ("train", "test"):
        for line in (place.path / "export" / "preference" / f"{name}.jsonl").read_text().splitlines():
            question = json.loads(line)["prompt"][-1]["content"].removesuffix(" Please.")
            sides.setdefault(question, set()).add(name)
    assert {len(found) for found in sides.values()} == {1}


def test_another_export_is_told_beside_those_before(chosen: tuple[RunDirectory, dict[str, Any]]) -> None:
    place, manifest = chosen
    exported = export_again(place.path, formats_named(["judgelm"])).as_plain()
    after = place.manifest()
    assert set(exported) == {"export judgelm"}
    assert after["stages"] == manifest["stages"] | exported
    assert set(after["split"].pop("formats")) == {"judgelm", "preference"}
    assert after["split"].items() <= manifest["split"].items()
    export_again(place.path)
    assert place.manifest()["split"]["formats"]["preference"] == manifest["split"]["formats"]["preference"]


def test_a_format_without_sides_is_not_exported_beside_what_is_held_out(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, [{"filter": "diverse", "keep": 4}], split={"hold_out": {"models": [MODELS[2]]}})
    run(read_recipe(path), tmp_path / "run")
    with pytest.raises(
        UserError, match=r"--format: 'rewardbench' does not divide its rows, and `split.hold_out` keeps"
    ):
        export_again(tmp_path / "run", formats_named(["rewardbench"]))
    assert {folder.name for folder in (tmp_path / "run" / "export").iterdir()} == {"preference"}


def test_two_filters_of_a_name_have_figures_of_their_own(tmp_path: Path) -> None:
    diverse = [{"filter": "diverse", "keep": keep} for keep in (30, 20)]
    balance = [{"filter": "balance", "over": {over: "uniform"}} for over in ("winner", "models")]
    manifest = run(read_recipe(write_recipe(tmp_path, [*diverse, *balance])), tmp_path / "run")
    told = manifest["filters"]
    assert set(told) == {"diverse", "diverse (2)", "balance", "balance (2)"}
    assert (told["diverse"]["kept"], told["diverse (2)"]["kept"]) == (30, 20)
    assert told["balance (2)"]["kept"] == manifest["stages"]["verdicts"]["kept"] <= told["balance"]["kept"]


def test_people_get_flagged_pairs_first(chosen: tuple[RunDirectory, dict[str, Any]]) -> None:
    place, manifest = chosen
    flags = [json.loads(line) for line in place.flagged.read_text().splitlines()]
    assert {flag["by"] for flag in flags} == {"label_noise"}
    assert len(flags) == manifest["filters"]["label_noise"]["flagged"] > 3
    kept = {example.comparison.id for example in examples(place) if example.comparison}
    flagged = flagged_comparisons(place)
    assert len(flagged) == len(flags) and flagged & kept
    rows = plan(place.path, sizes={"audit": 0, "disagreement": 20, "slices": 0}).rows
    queue = [row.comparison_id for row in rows if row.stratum == "disagreement"]
    assert set(queue[: len(flagged & kept)]) == flagged & kept
    assert not flagged & set(queue[len(flagged & kept) :])


def test_settings_are_read_as_they_stand(tmp_path: Path) -> None:
    filters = [
        {"filter": "balance", "over": {"score": {"1": 0.5, "2": 0.5}, "category": "uniform"}},
        {"filter": "diverse", "keep": 0.5, "quota": "even"},
    ]
    recipe = read_recipe(write_recipe(tmp_path, filters))
    assert [plugin.model_dump(exclude_unset=True) for plugin in recipe.filters] == [
        {"over": {"score": {"1": 0.5, "2": 0.5}, "category": "uniform"}},
        {"keep": 0.5, "quota": "even"},
    ]
    for wrong, said in (
        ({"filter": "balance", "over": {"winner": {"first": -1}}}, "shares are 0 or more"),
        (
            {"filter": "balance", "over": {"model": "uniform"}},
            r"filters\[0\].over.model: one of 'winner', .*'category' \(got 'model'\). Did you mean 'models'\?",
        ),
        ({"filter": "diverse"}, r"filters\[0\].keep"),
        ({"filter": "length_matched", "rate": 1}, r"filters\[0\].rate"),
        ({"filter": "pair_policy", "keep": "best"}, r"filters\[0\].keep"),
    ):
        with pytest.raises(RecipeError, match=said):
            read_recipe(write_recipe(tmp_path, [wrong]))
