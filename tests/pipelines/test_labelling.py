"""A whole run that measures what sways its teachers, takes it off, and publishes the labels that are left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.world.population import TEACHERS, Teacher
from prefmill.pipelines.examples import examples
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import RecipeError, UserError
from prefmill.schemas.rows import Verdict

TASKS = 500
STRONG, CHEAP = TEACHERS[0], TEACHERS[1]


def write_recipe(folder: Path, *teachers: Teacher, **changes: object) -> Path:
    lines = [json.dumps({"id": f"q{number}", "instruction": f"What is rule {number} for?"}) for number in range(TASKS)]
    (folder / "tasks.jsonl").write_text("\n".join(lines) + "\n")
    simulated = {"provider": "simulated", "max_in_flight": 64}
    recipe = {
        "name": "bias",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**simulated, "model": model} for model in ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")],
        "compare": {"pairs": "random"},
        "judge": {
            "judge": "judgelm",
            "protocol": {"protocol": "adaptive_swap", "pilot": 60},
            "teachers": [
                {**simulated, "model": one.name, "family": one.family, "sampling": {"temperature": 0}}
                for one in teachers
            ],
        },
        "probes": {"share": 0.7},
        "remove": ["position", "length"],
        "exports": ["preference"],
        "world": {"seed": 77},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.fixture(name="done", scope="module")
def _done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("bias")
    return folder, run(read_recipe(write_recipe(folder, STRONG, CHEAP)), folder / "run")


def rows(directory: Path, kind: type[Any]) -> list[Any]:
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def error_of(found: dict[str, Any]) -> float:
    return float(found["high"] - found["low"]) / (2 * 1.96)


@pytest.mark.parametrize("teacher", [STRONG, CHEAP], ids=lambda one: one.name)
def test_what_was_planted_is_reported(done: tuple[Path, dict[str, Any]], teacher: Teacher) -> None:
    told = done[1]["bias"]["teachers"][teacher.name]
    planted = {
        "offset": teacher.gain * teacher.position,
        "length": teacher.gain * teacher.length,
        "format": teacher.gain * teacher.markdown,
        "label": teacher.gain * teacher.signature,
        "consistency": teacher.planted.consistency,
    }
    for key, value in planted.items():
        assert abs(told[key]["value"] - value) < 3.5 * error_of(told[key]), key
    assert told["refusals_preferred"]["value"] < 0.1
    assert told["own_family"]["high"] > 0


def test_pairs_asked_again_because_they_are_close_do_not_count_as_inconsistent(
    done: tuple[Path, dict[str, Any]],
) -> None:
    """Of the pairs that `adaptive_swap` swaps few are consistent; only those swapped whatever was heard are counted."""
    directory, manifest = done
    again = [one.consistent for one in rows(directory / "run", Verdict) if one.consistent is not None]
    told = manifest["bias"]["teachers"][STRONG.name]["consistency"]
    assert told["n"] < 60 + 0.7 * TASKS / 5 < len(again)
    assert again.count(True) / len(again) < told["low"]


def test_labels_follow_the_debiased_margin_and_the_teachers_verdicts_stay(
    done: tuple[Path, dict[str, Any]],
) -> None:
    directory, manifest = done
    place = RunDirectory(directory / "run")
    raw = {one.comparison_id: one for one in rows(directory / "run", Verdict)}
    labels = {one.comparison_id: one for part in range(place.parts()) for one in place.labels(part)}
    assert labels.keys() == raw.keys()
    changed = 0
    for comparison, label in labels.items():
        assert label.margin == raw[comparison].margin
        assert raw[comparison].debiased is None
        assert label.debiased is not None
        assert label.winner == ("first" if label.debiased > 0 else "second" if label.debiased < 0 else "tie")
        changed += label.winner != raw[comparison].winner
    assert manifest["labels"]["changed_by_removal"] == changed > 0
    assert [one.verdict for one in examples(place)] == list(labels.values())
    assert set(manifest["ranking"]) == {"raw", "debiased"}


def test_a_second_run_labels_the_same_and_asks_nothing(done: tuple[Path, dict[str, Any]]) -> None:
    directory, manifest = done
    before = (directory / "run/7-labels/part-00000.parquet").read_bytes()
    again = run(read_recipe(directory / "recipe.yaml"), directory / "run")
    assert again["this_time"]["sent"] == 0
    assert {key: again[key] for key in ("bias", "ranking", "labels", "stages")} == {
        key: manifest[key] for key in ("bias", "ranking", "labels", "stages")
    }
    assert (directory / "run/7-labels/part-00000.parquet").read_bytes() == before


def test_filters_judge_the_labels(done: tuple[Path, dict[str, Any]]) -> None:
    directory, _ = done
    path = write_recipe(directory, STRONG, CHEAP, filters=[{"filter": "minimum_margin", "margin": 1}])
    manifest = run(read_recipe(path), directory / "run")
    place = RunDirectory(directory / "run")
    labels = [one for part in range(place.parts()) for one in place.labels(part)]
    kept = [one for one in labels if abs(one.debiased or 0) >= 1]
    assert 0 < len(kept) < len(labels)
    assert [one.verdict for one in examples(place)] == kept
    assert manifest["stages"]["verdicts"]["dropped"] == {"minimum_margin": len(labels) - len(kept)}
    assert manifest["stages"]["export preference"]["in"] == len(kept)


def test_what_was_not_measured_is_not_removed(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, STRONG, probes={"share": 0, "first": 20}, remove=["length"])
    with pytest.raises(UserError, match=r"^remove: length: sim-teacher-strong: .*; raise `probes.share`"):
        run(read_recipe(path, limit=80), tmp_path / "run")
    manifest = RunDirectory(tmp_path / "run").manifest()
    assert not manifest["finished"]
    assert manifest["stopped"].startswith("remove: length: ")
    assert "are needed" in manifest["bias"]["teachers"][STRONG.name]["length"]["undefined"]
    assert manifest["stages"]["verdicts"]["kept"] == 80


def test_a_teacher_whose_gaps_tell_nothing_is_noticed_and_asked_in_both_orders(tmp_path: Path) -> None:
    flat = next(one for one in TEACHERS if one.name == "sim-teacher-flat")
    path = write_recipe(tmp_path, flat, probes=None, remove=[])
    manifest = run(read_recipe(path, limit=150), tmp_path / "run")
    assert manifest["pilot"]["unknown"] == [flat.name]
    found = rows(tmp_path / "run", Verdict)
    assert len(found) == 150
    assert all(one.consistent is not None for one in found)
    assert all(one.flags[:1] == ("no_gap_information",) for one in found[60:])
    assert not any("no_gap_information" in one.flags for one in found[:60])


def test_an_offset_that_the_protocol_took_off_stays_off_when_length_is_removed(tmp_path: Path) -> None:
    protocol = {"protocol": "offset_corrected", "pilot": 60}
    judge = {
        "judge": "judgelm",
        "protocol": protocol,
        "teachers": [{"provider": "simulated", "model": CHEAP.name, "max_in_flight": 64}],
    }
    path = write_recipe(tmp_path, CHEAP, judge=judge, remove=["length"])
    run(read_recipe(path, limit=300), tmp_path / "run")
    place = RunDirectory(tmp_path / "run")
    gaps = [
        (one.debiased or 0) - (one.margin or 0)
        for part in range(place.parts())
        for one in place.labels(part)
        if one.consistent is None
    ]
    assert len(gaps) == 240
    # Longer answers stand first as often as last; the offset of 1.5 grades would lift every one of them.
    assert abs(sum(gaps) / len(gaps)) < 0.3


def test_unread_judgments_are_still_seen_by_the_filters_of_labels(tmp_path: Path) -> None:
    path = write_recipe(
        tmp_path,
        STRONG,
        judge={
            "judge": "judgelm",
            "protocol": "both_orders",
            "retries": 0,
            "teachers": [{"provider": "simulated", "model": STRONG.name, "max_in_flight": 64}],
        },
        filters=["failed_judgments"],
        remove=["position"],
        probes=None,
        world={"seed": 77, "faults": {"unreadable": 0.1}},
    )
    manifest = run(read_recipe(path, limit=200), tmp_path / "run")
    dropped = manifest["stages"]["verdicts"]["dropped"]["failed_judgments"]
    assert dropped == sum("one_order_failed" in one.flags for one in rows(tmp_path / "run", Verdict)) > 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"remove": ["position", "position"]}, "remove[1]: 'position' stands here twice"),
        ({"remove": [{"length": True}]}, "remove[0]: no bias {'length': True}. Known: format, label, length, position"),
        (
            {"probes": None, "remove": ["length"]},
            "remove[0]: 'length' is measured on 'padded' probes, and there are none",
        ),
        ({"probes": True, "remove": ["length"]}, "probes: "),
        (
            {"probes": None, "remove": ["position"], "protocol": "one_order"},
            "remove[0]: 'position' is measured on pairs",
        ),
    ],
)
def test_what_cannot_be_removed_is_told_before_anything_is_paid(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    protocol = changes.pop("protocol", None)
    path = write_recipe(tmp_path, STRONG, **changes)
    if protocol:
        recipe = yaml.safe_load(path.read_text())
        recipe["judge"]["protocol"] = protocol
        path.write_text(yaml.safe_dump(recipe))
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    (line,) = caught.value.lines
    assert message in line
