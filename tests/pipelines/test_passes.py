"""Whole runs on models that prefmill loads itself and that do not fit into memory together, on a program like vLLM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.budget import Caps
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.pipelines.estimate import estimate
from prefmill.pipelines.passes import _again, hosted_in_order
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import CapReached, EndpointError

FAKE = Path(__file__).parents[1] / "fake_vllm.py"
TASKS = 30
NAMES = ("ash", "beech", "cedar")
SEEDS = Path(__file__).parents[2] / "pipelines" / "recipes" / "seed_rubrics.jsonl"


@pytest.fixture(name="one_gpu", autouse=True)
def _one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the recipes of this file may use: one GPU, by number. The program does not look at it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")


def entry(folder: Path, name: str, *options: str, **fields: object) -> dict[str, Any]:
    command = [sys.executable, "-I", "-S", str(FAKE), *options, str(folder / name)]
    return {"provider": "vllm_server", "model": f"org/{name}", "name": name, "command": command} | fields


def write(
    folder: Path, teachers: tuple[str, ...], protocol: object = "both_orders", tasks: int = TASKS, **fields: object
) -> Path:
    """A recipe in which three models answer, and some of them judge."""
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": f"q{number}", "instruction": f"Question {number}?"}) for number in range(tasks)]
    (folder / "tasks.jsonl").write_text("\n".join(lines) + "\n")
    recipe = {
        "name": "passes",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [entry(folder, name, **fields) for name in NAMES],
        "compare": {"pairs": "random"},
        "judge": {
            "judge": "judgelm",
            "protocol": protocol,
            "teachers": [entry(folder, name, **fields) for name in teachers],
        },
        "exports": ["judgelm"],
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def starts(folder: Path) -> Counter[str]:
    """How often each model was started."""
    found = Counter[str]()
    for name in (*NAMES, "dogwood"):
        if (path := folder / name / "starts.jsonl").exists():
            found[name] = len(path.read_text().splitlines())
    return found


def slept(folder: Path) -> Counter[str]:
    """How often each model fell asleep."""
    found = Counter[str]()
    for name in NAMES:
        if (path := folder / name / "sleeps").exists():
            found[name] = len(path.read_text().splitlines())
    return found


def heard(folder: Path) -> Counter[tuple[str, str, str]]:
    """How often each model was asked each question, draw by draw."""
    found = Counter[tuple[str, str, str]]()
    for name in NAMES:
        path = folder / name / "heard.jsonl"
        for line in path.read_text().splitlines() if path.exists() else ():
            body = json.loads(line)
            found[name, body["messages"][-1]["content"], str(body.get("seed"))] += 1
    return found


def exported(directory: Path) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in sorted((directory / "export" / "judgelm").glob("*.jsonl"))}
    assert b"".join(files.values()).count(b"\n") >= TASKS
    return files


def engines(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["models"][0]: one for one in manifest["engines"]}


def tokens(manifest: dict[str, Any]) -> dict[str, int]:
    return {name: one["completion_tokens"] for name, one in engines(manifest).items()}


def test_each_model_is_loaded_once_where_one_of_them_judges(tmp_path: Path) -> None:
    apart = run(read_recipe(write(tmp_path / "apart", ("cedar",))), tmp_path / "apart" / "run")
    together = run(
        read_recipe(write(tmp_path / "fit", ("cedar",), gpu_memory_utilization=0.3)), tmp_path / "fit" / "run"
    )
    assert starts(tmp_path / "apart") == starts(tmp_path / "fit") == Counter(NAMES)
    assert set(heard(tmp_path / "apart").values()) == {1}
    assert exported(tmp_path / "apart" / "run") == exported(tmp_path / "fit" / "run")
    assert apart["stages"] == together["stages"]
    assert apart["this_time"]["sent"] == together["this_time"]["sent"] == 3 * TASKS + 2 * TASKS
    assert apart["this_time"]["found"] == together["this_time"]["found"] == 0
    assert engines(apart)["cedar"]["completion_tokens"] > engines(apart)["ash"]["completion_tokens"] > 0
    assert [(one["loads"], one["wakes"]) for one in apart["engines"]] == [(1, 0)] * 3


@pytest.mark.slow
def test_models_that_all_answer_and_judge_sleep_meanwhile(tmp_path: Path) -> None:
    jury = "jury"
    asleep = run(read_recipe(write(tmp_path / "sleep", NAMES, jury)), tmp_path / "sleep" / "run")
    anew = run(read_recipe(write(tmp_path / "anew", NAMES, jury, sleep=False)), tmp_path / "anew" / "run")
    assert starts(tmp_path / "sleep") == Counter(NAMES)
    assert sum(one["wakes"] for one in asleep["engines"]) == 2
    assert starts(tmp_path / "anew") == {"ash": 2, "beech": 2, "cedar": 1}
    assert exported(tmp_path / "sleep" / "run") == exported(tmp_path / "anew" / "run")
    assert set(heard(tmp_path / "sleep").values()) == {1}
    assert asleep["stages"] == anew["stages"]
    assert tokens(asleep) == tokens(anew), "of a model that sleeps when the run ends, too"


def test_what_has_judged_everything_does_not_sleep(tmp_path: Path) -> None:
    """The last one that answers judges first; the others have yet to judge when they leave, and not once they have."""
    manifest = run(read_recipe(write(tmp_path / "r", NAMES)), tmp_path / "r" / "run")
    assert slept(tmp_path / "r") == {"ash": 1, "beech": 1}
    assert starts(tmp_path / "r") == Counter(NAMES)
    assert {name: one["wakes"] for name, one in engines(manifest).items()} == {"ash": 1, "beech": 1, "cedar": 0}


@pytest.mark.parametrize(
    ("protocol", "more", "missing", "answered", "wanted"),
    [
        ("jury", {}, "c", "abc", "c"),
        ("jury", {}, "c", "ab", "abc"),  # What they judge is not all there.
        ({"protocol": "jury", "orders": "one"}, {}, "c", "abc", "abc"),  # In the other order, too, after the pilot.
        ("cascade", {}, "a", "abc", "ac"),  # The last one is asked about what the others leave open.
        ("cascade", {}, "c", "abc", "c"),
        ("both_orders", {"probes": {"share": 0.5}}, "c", "abc", "abc"),  # Comparisons come after the line's probe.
    ],
)
def test_which_models_are_wanted_later_on(  # noqa: PLR0917 - a row of the table
    tmp_path: Path, protocol: object, more: dict[str, object], missing: str, answered: str, wanted: str
) -> None:
    path = write(tmp_path / "r", NAMES, protocol)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | more))
    recipe = read_recipe(path)
    key = {name[0]: one.engine_key() for name, one in zip(NAMES, hosted_in_order(recipe), strict=True)}
    found = _again(recipe, frozenset(key[name] for name in missing), {key[name] for name in answered})
    assert {name for name in "abc" if key[name] in found} == set(wanted)


@pytest.mark.slow
def test_what_may_be_asked_more_after_the_pilot_sleeps(tmp_path: Path) -> None:
    """Any of them may be asked in the other order, too, and none is loaded again for that."""
    protocol = {"protocol": "adaptive_swap", "pilot": 30}
    manifest = run(read_recipe(write(tmp_path / "r", NAMES, protocol, tasks=60)), tmp_path / "r" / "run")
    assert starts(tmp_path / "r") == Counter(NAMES)
    assert min(one["wakes"] for one in manifest["engines"]) >= 1


@pytest.mark.slow
def test_models_that_write_tasks_are_loaded_once_each(tmp_path: Path) -> None:
    """The reference answers need a model that is not loaded while the first rubrics are there."""
    folder = tmp_path / "r"
    with running(WorldSettings(seed=2)) as world:
        author, reference, grader = (
            entry(
                folder,
                model,
                f"--world={world.base_url}",
                model=model,
                max_in_flight=4,
                sampling={"temperature": 1.0, "seed": 1},
            )
            for model in ("sim-oak-70b", "sim-birch-14b", "sim-teacher-strong")
        )
        recipe = {
            "name": "authored",
            "tasks": {
                "source": "authored",
                "rubrics": {"seeds": str(SEEDS), "wanted": 8},
                "instructions_per_rubric": 4,
                "author": author,
                "reference": reference,
            },
            "answers": [author],
            "judge": {"judge": "prometheus_absolute", "teachers": [grader]},
            "exports": ["feedback_collection"],
        }
        folder.mkdir()
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        manifest = run(read_recipe(folder / "recipe.yaml"), folder / "run")
    assert manifest["stages"]["tasks"]["kept"] == manifest["stages"]["grades"]["kept"] == 8 * 4
    assert engines(manifest).keys() == {"sim-oak-70b", "sim-birch-14b", "sim-teacher-strong"}
    assert [(one["loads"], one["wakes"]) for one in manifest["engines"]] == [(1, 1), (1, 0), (1, 0)]
    for model in engines(manifest):
        heard = (folder / model / "heard.jsonl").read_text().splitlines()
        assert len(heard) == len(set(heard))


@pytest.mark.slow
def test_what_earlier_passes_and_processes_did_is_counted(tmp_path: Path) -> None:
    """Where the last pass is stopped before it has looked at everything, and where a later process ends at once."""
    path = write(tmp_path / "r", ("cedar",), tasks=420, max_in_flight=8)
    recipe = yaml.safe_load(path.read_text())
    del recipe["answers"][2:]
    path.write_text(yaml.safe_dump(recipe))
    place = RunDirectory(tmp_path / "r" / "run")
    with pytest.raises(CapReached):
        run(read_recipe(path), place.path, caps=Caps(calls=845))
    stopped = place.manifest()
    assert stopped["this_time"]["sent"] == sum(row["calls"] for row in stopped["calls"]) == 845
    for one in (*recipe["answers"], *recipe["judge"]["teachers"]):
        one["gpus"] = 2
    path.write_text(yaml.safe_dump(recipe))
    with pytest.raises(EndpointError, match="2 GPUs are wanted"):
        run(read_recipe(path), place.path)
    assert place.manifest()["engines"] == stopped["engines"]


@pytest.mark.slow
def test_a_protocol_that_learns_from_a_pilot_ends_too(tmp_path: Path) -> None:
    cascade = {"protocol": "cascade", "pilot": 40, "strong_pilot": 30}
    runs = []
    for name, fields in (("apart", {"sleep": False}), ("fit", {"gpu_memory_utilization": 0.3})):
        recipe = write(tmp_path / name, ("ash", "cedar"), cascade, 80, **fields)
        runs.append(run(read_recipe(recipe), tmp_path / name / "run"))
    apart, together = runs
    assert apart["pilot"] == together["pilot"]
    assert apart["stages"] == together["stages"]
    assert exported(tmp_path / "apart" / "run") == exported(tmp_path / "fit" / "run")
    assert set(heard(tmp_path / "apart").values()) == {1}
    assert max(starts(tmp_path / "apart").values()) <= 2


def test_a_finished_run_loads_nothing(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path / "r", ("cedar",)))
    run(recipe, tmp_path / "r" / "run")
    before = exported(tmp_path / "r" / "run")
    again = run(recipe, tmp_path / "r" / "run")
    assert starts(tmp_path / "r") == Counter(NAMES)
    assert again["this_time"]["sent"] == 0
    assert exported(tmp_path / "r" / "run") == before


def test_a_kill_repeats_only_what_was_in_flight(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    path = write(folder, ("cedar",), max_in_flight=4)
    recipe = yaml.safe_load(path.read_text())
    for one in (*recipe["answers"], *recipe["judge"]["teachers"]):
        one["command"].insert(4, "--seconds=0.02")
    path.write_text(yaml.safe_dump(recipe))
    command = [sys.executable, "-m", "prefmill", "run", str(path), "--run-dir", str(folder / "run")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    asked = folder / "beech" / "heard.jsonl"
    until = time.monotonic() + 60
    while not (asked.exists() and len(asked.read_text().splitlines()) > 8):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run(read_recipe(path), folder / "run")
    counts = heard(folder)
    assert sum(counts.values()) - len(counts) <= 4
    assert len(counts) == 3 * TASKS + 2 * TASKS
    for name in NAMES:
        for pid in map(int, (folder / name / "pids").read_text().split()):
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_a_stop_between_two_passes_is_a_stop_like_any_other(tmp_path: Path) -> None:
    """One model is on its way out, and the next is not yet in."""
    folder = tmp_path / "r"
    path = write(folder, ("cedar",), sleep=False)
    recipe = yaml.safe_load(path.read_text())
    for one in (*recipe["answers"], *recipe["judge"]["teachers"]):
        one["command"].insert(4, "--child")  # It is waited for after the model itself has ended.
    path.write_text(yaml.safe_dump(recipe))
    command = [sys.executable, "-m", "prefmill", "run", str(path), "--run-dir", str(folder / "run")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    pids, until = folder / "ash" / "pids", time.monotonic() + 60
    while not pids.exists() or Path("/proc", pids.read_text().partition("\n")[0]).exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 3
    manifest = RunDirectory(folder / "run").manifest()
    assert manifest["stopped"] == "stopped by SIGTERM"
    assert sum(row["calls"] for row in manifest["calls"]) == TASKS
    assert not starts(folder)["beech"] and not list((folder / "run" / "engines").glob("*.pid"))


@pytest.mark.slow
def test_an_estimate_says_how_long_loaded_models_take(tmp_path: Path) -> None:
    path = write(tmp_path / "r", ("cedar",), tasks=60)
    recipe = yaml.safe_load(path.read_text())
    for one in (*recipe["answers"], *recipe["judge"]["teachers"]):
        one["command"].insert(4, "--seconds=0.05")
    path.write_text(yaml.safe_dump(recipe))
    first = estimate(read_recipe(path), tmp_path / "r" / "run", sample=10)
    by_model = {one.models[0]: one for one in first.engines}
    assert by_model.keys() == set(NAMES)
    # 60 answers and 120 judgments of 0.05 s each: all at once at best, as slowly as ten at a time at worst.
    assert by_model["cedar"].low_s < 0.05 < 60 * 3 * 0.05 / 20 < by_model["cedar"].high_s < 60 * 3 * 0.05
    assert by_model["ash"].high_s < by_model["cedar"].high_s
    again = estimate(read_recipe(path), tmp_path / "r" / "run", sample=10)
    assert (again.sent, again.engines) == (0, first.engines)
    assert starts(tmp_path / "r") == Counter(NAMES)


def test_more_gpus_than_there_are_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ash: 1 x 2 GPUs are wanted .*, 1 are here"):
        run(read_recipe(write(tmp_path / "r", ("cedar",), gpus=2)), tmp_path / "r" / "run")
    assert not starts(tmp_path / "r")
