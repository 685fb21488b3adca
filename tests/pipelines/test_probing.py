"""Probes as a part of a run: drawn, judged, stored, counted, and never taken for comparisons."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from prefmill.generators.ledger import Ledger
from prefmill.generators.probes.drawing import ORDERS
from prefmill.generators.world.population import TEACHERS
from prefmill.pipelines.overview import found
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import RecipeError
from prefmill.schemas.probe import PROBE_KINDS, Probe
from prefmill.schemas.rows import Comparison, Judgment, Loss, Task, Verdict

from .probed_runs import CHEAP, STRONG, files, rows, teachers, write_recipe


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a recipe and its run."""
    folder = tmp_path_factory.mktemp("probed")
    run(read_recipe(write_recipe(folder, 60)), folder / "run")
    return folder


def test_probes_are_judged_stored_and_counted(done: Path) -> None:
    manifest = RunDirectory(done / "run").manifest()
    probes: list[Probe] = rows(done / "run", Probe)
    assert {probe.kind for probe in probes} == set(PROBE_KINDS)
    assert len({probe.task_id for probe in probes}) == len(probes)
    for probe in probes:
        asked = [(one.teacher, one.shown) for one in probe.judgments]
        assert asked == [(name, order) for name in (STRONG, CHEAP) for order in ORDERS[probe.kind]]
        assert {one.comparison_id for one in probe.judgments} == {probe.comparison.id}
    judged = [one for probe in probes for one in probe.judgments]
    assert all(one.scores is not None for one in judged), "the world finds the answers in every copy"
    counted = manifest["stages"]["probes"]
    assert counted == {"in": len(judged), "kept": len(judged), "dropped": {}, "failed": {}}
    names = list(manifest["stages"])
    assert names[names.index("probes") - 1] == "judgments"
    # Lines 0 to 19 have one each, but for the one that is no task; then every second line.
    places = [int((task.source_id or "q0")[1:]) for task in rows(done / "run", Task)]
    by_task = {probe.task_id: probe for probe in probes}
    first = [task for task, place in zip(rows(done / "run", Task), places, strict=True) if place < 19]
    assert all(task.id in by_task for task in first)
    assert 10 <= len(probes) - 19 <= 31

    # What is not theirs has nothing of them.
    comparisons = {one.id for one in rows(done / "run", Comparison)}
    assert len(comparisons) == 60
    assert {one.comparison_id for one in rows(done / "run", Judgment)} == comparisons
    assert {one.comparison_id for one in rows(done / "run", Verdict)} == comparisons
    assert manifest["stages"]["judgments"]["in"] == 120
    assert manifest["stages"]["export judgelm"]["in"] == 60
    shown = found(done / "run", probes[0].id)
    assert [row["row"] for row in shown["rows"]] == ["Probe"]
    assert shown["calls"]


def test_probe_calls_are_kept_under_the_task(done: Path) -> None:
    with Ledger.open(done / "run" / "ledger.sqlite") as ledger:
        for probe in rows(done / "run", Probe):
            stages = Counter(call.stage for call in ledger.of_task(probe.task_id))
            assert stages["answers"] == 2
            assert stages["judgments"] == 2 + len(probe.judgments) - (2 if probe.kind == "swapped" else 0)


def test_a_second_run_sends_nothing_and_writes_the_same(done: Path) -> None:
    before = files(done / "run")
    assert len(before) > 8
    again = run(read_recipe(done / "recipe.yaml"), done / "run")
    assert again["this_time"]["sent"] == 0
    assert files(done / "run") == before


def test_probes_added_later_change_nothing_else(tmp_path: Path) -> None:
    plain = run(read_recipe(write_recipe(tmp_path, 25, probes=None)), tmp_path / "run")
    assert "probes" not in plain["stages"]
    before = files(tmp_path / "run")
    probed = run(read_recipe(write_recipe(tmp_path, 25)), tmp_path / "run")
    after = files(tmp_path / "run")
    # The cards say how many calls there were.
    changed = {name for name in before if before[name] != after[name]} - {"export/judgelm/README.md"}
    assert changed == {"4-probes/part-00000.parquet"}
    assert probed["this_time"]["sent"] < probed["stages"]["probes"]["in"]


def test_unreadable_judgments_of_probes_are_losses_of_their_own(tmp_path: Path) -> None:
    faulty = {"seed": 3, "faults": {"unreadable": 0.3}}
    judge = {"judge": "judgelm", "retries": 0, "teachers": teachers(STRONG)}
    band = {"unreadable": 1, "first": 40}
    manifest = run(read_recipe(write_recipe(tmp_path, 40, world=faulty, judge=judge, probes=band)), tmp_path / "run")
    failed = [one for probe in rows(tmp_path / "run", Probe) for one in probe.judgments if one.failure]
    assert len(failed) > 5
    losses = [loss for loss in rows(tmp_path / "run", Loss) if loss.stage == "probes"]
    assert [loss.row_id for loss in losses] == [one.id for one in failed]
    assert manifest["stages"]["probes"]["failed"] == {"unreadable": len(failed)}
    assert manifest["stages"]["probes"]["in"] == manifest["stages"]["probes"]["kept"] + len(failed)


def test_identical_answers_show_what_was_planted_for_standing_first(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, 300, probes={"share": 0.5, "first": 0, "kinds": ["identical"]}, world={"seed": 4})
    run(read_recipe(path), tmp_path / "run")
    planted = {one.name: one.gain * one.position for one in TEACHERS}
    margins: dict[str, list[float]] = {STRONG: [], CHEAP: []}
    for probe in rows(tmp_path / "run", Probe):
        for one in probe.judgments:
            margins[one.teacher].append(one.scores[0] - one.scores[1])
    for teacher, found_margins in margins.items():
        assert len(found_margins) > 120
        error = stdev(found_margins) / sqrt(len(found_margins))
        assert abs(fmean(found_margins) - planted[teacher]) < 3 * error, teacher


PAIRS = "probes: biases are measured where teachers compare two answers at a time, and they do not here."
EMPTY = "probes: `kinds` is empty: name one at least, or leave `probes` out"
SINGLE = {"judge": "prometheus_absolute", "teachers": teachers(STRONG)}
TOGETHER = {"judge": "judgelm", "protocol": "listwise", "teachers": teachers(STRONG)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"judge": SINGLE, "exports": []},
            PAIRS,
        ),
        (
            {"judge": TOGETHER, "compare": {"pairs": "all"}},
            PAIRS,
        ),
        ({"probes": {"kinds": ["pading"]}}, "probes.kinds[0]: one of 'identical', 'padded', "),
        ({"probes": {"kinds": []}}, EMPTY),
        ({"probes": {"kinds": ["padded", "padded"]}}, "probes: 'padded' stands in `kinds` twice"),
        ({"probes": {"share": 1.5}}, "probes.share: "),
        ({"probes": {"shares": 0.1}}, "probes.shares: "),
        ({"probes": [0.1]}, "probes: "),
    ],
)
def test_mistakes_are_one_line_each(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write_recipe(tmp_path, 3, **changes)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    (line,) = caught.value.lines
    assert "\n" not in line
    assert line.startswith(f"{path}: {said}"), line
