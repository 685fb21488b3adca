"""The main job on real input: recorded AlpacaEval answers and GPT-4's recorded preferences, served over HTTP.

Data and server lie beside the checkout, where they are at all; they are not part of prefmill.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Judgment, Loss, Task, Verdict

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data" / "alpaca_eval"
SERVER = SHARED / "replay" / "server.py"
BASELINE = "gpt4_1106_preview"
IN_FLIGHT = 8
"""Calls in flight to each of the five models."""
OFFSET = 1.0
"""Log-odds that the server adds for the answer shown first; one of its grades is one log-odds."""

pytestmark = [
    pytest.mark.replay,
    pytest.mark.skipif(not (DATA.is_dir() and SERVER.is_file()), reason="no recorded answers beside the checkout"),
    pytest.mark.timeout(600),
]


@contextmanager
def replaying(*options: str) -> Iterator[str]:
    """The replay server on a free port; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-B", str(SERVER), "--data", str(DATA), "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(200):
                with contextlib.suppress(OSError):
                    stats(url)
                    break
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/stats") as reply:
        counted: dict[str, Any] = json.load(reply)
    return counted


def recipe_for(url: str, folder: Path) -> Path:
    """The example recipe against a server of this test."""
    recipe = yaml.safe_load((ROOT / "examples" / "alpaca_eval.yaml").read_text())
    recipe["tasks"]["path"] = str(DATA / "instructions.jsonl.gz")
    for entry in [*recipe["answers"], *recipe["judge"]["teachers"]]:
        entry |= {"base_url": f"{url}/v1", "max_in_flight": IN_FLIGHT}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def command(recipe: Path, run: Path, limit: int) -> list[str]:
    return [sys.executable, "-m", "prefmill", "run", str(recipe), "--run-dir", str(run), "--limit", str(limit)]


def exported(run: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "export").glob("*/*.jsonl"))}
    assert files
    return files


def check_accounts(run: Path) -> dict[str, Any]:
    """Every stage: in = kept + dropped + failed, and the rows on disk are those counts."""
    place = RunDirectory(run)
    stages: dict[str, Any] = place.manifest()["stages"]
    for stage, count in stages.items():
        lost = sum(count["dropped"].values()) + sum(count["failed"].values())
        assert count["in"] == count["kept"] + lost, stage
    parts = range(place.parts())
    on_disk = {
        "tasks": sum(len(place.rows(Task, part)) for part in parts),
        "answers": sum(len(place.rows(Answer, part)) for part in parts),
        "comparisons": sum(len(place.rows(Comparison, part)) for part in parts),
        "judgments": sum(len(place.rows(Judgment, part)) for part in parts),
        "verdicts": sum(len(place.rows(Verdict, part)) for part in parts),
    }
    assert on_disk["tasks"] == stages["tasks"]["kept"]
    assert on_disk["answers"] == stages["answers"]["in"]
    assert on_disk["comparisons"] == stages["comparisons"]["kept"]
    assert on_disk["judgments"] == stages["judgments"]["in"]
    assert on_disk["verdicts"] == stages["verdicts"]["in"]
    losses = Counter(loss.stage for part in parts for loss in place.rows(Loss, part))
    for stage in on_disk:
        assert losses[stage] == stages[stage]["in"] - stages[stage]["kept"], stage
    assert all(loss.reason and loss.detail for part in parts for loss in place.rows(Loss, part))
    return stages


def recorded_winners() -> dict[tuple[str, str], str]:
    """(instruction id, other model) -> the model that GPT-4 preferred to or below the baseline."""
    with gzip.open(DATA / "gpt4_preferences.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return {
        (row["instruction_id"], row["model_2"]): row["model_2"] if row["preference"] > 1.5 else BASELINE
        for row in rows
        if row["preference"] is not None
    }


@pytest.mark.slow
def test_every_winner_is_the_one_gpt4_preferred(tmp_path: Path) -> None:
    with replaying() as url:
        subprocess.run(command(recipe_for(url, tmp_path), tmp_path / "run", 805), check=True, capture_output=True)
    check_accounts(tmp_path / "run")
    place, gold = RunDirectory(tmp_path / "run"), recorded_winners()
    decided = 0
    for part in range(place.parts()):
        tasks = {task.id: task for task in place.rows(Task, part)}
        comparisons = {comparison.id: comparison for comparison in place.rows(Comparison, part)}
        for verdict in place.rows(Verdict, part):
            if verdict.winner in ("first", "second"):
                models = comparisons[verdict.comparison_id].models
                other = next(model for model in models if model != BASELINE)
                winner = models[0 if verdict.winner == "first" else 1]
                assert winner == gold[str(tasks[verdict.task_id].source_id), other]
                decided += 1
    assert decided > 2000


def test_faults_lose_no_row_and_each_has_a_reason(tmp_path: Path) -> None:
    with replaying("--error-rate", "0.1", "--garbage-rate", "0.05") as url:
        subprocess.run(command(recipe_for(url, tmp_path), tmp_path / "run", 60), check=True, capture_output=True)
        codes = stats(url)["codes"]
    assert codes["429"]
    assert codes["500"]
    stages = check_accounts(tmp_path / "run")
    assert stages["tasks"]["kept"] == 60
    assert stages["answers"]["in"] == 240


@pytest.mark.slow
def test_killed_ten_times_it_ends_like_an_uninterrupted_run(tmp_path: Path) -> None:
    kills, limit, chance = 10, 200, random.Random(4)
    with replaying("--latency", "0.05") as url:
        recipe = recipe_for(url, tmp_path)
        subprocess.run(command(recipe, tmp_path / "whole", limit), check=True, capture_output=True)
        whole = stats(url)
    with replaying("--latency", "0.05") as url:
        recipe = recipe_for(url, tmp_path)
        for number in range(kills):
            # Somewhere in the next tenth of the work, counted in requests: start-up times differ too much.
            target = whole["requests"] * (number + chance.random()) / kills
            process = subprocess.Popen(
                command(recipe, tmp_path / "killed", limit),
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while stats(url)["requests"] < target and process.poll() is None:
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        subprocess.run(command(recipe, tmp_path / "killed", limit), check=True, capture_output=True)
        killed = stats(url)
    assert killed["repeats"] - whole["repeats"] <= kills * 5 * IN_FLIGHT
    assert check_accounts(tmp_path / "killed") == check_accounts(tmp_path / "whole")
    assert exported(tmp_path / "killed") == exported(tmp_path / "whole")


def agreement(run: Path) -> tuple[float, int]:
    """Share of the run's verdicts that name the answer GPT-4 preferred, a tie half; and how many verdicts there are."""
    place, gold, points, count = RunDirectory(run), recorded_winners(), 0.0, 0
    for part in range(place.parts()):
        tasks = {task.id: task for task in place.rows(Task, part)}
        comparisons = {comparison.id: comparison for comparison in place.rows(Comparison, part)}
        for verdict in place.labels(part):
            models = comparisons[verdict.comparison_id].models
            other = next(model for model in models if model != BASELINE)
            wanted = gold.get((tasks[verdict.task_id].source_id or "", other))
            if verdict.winner is None or wanted is None:
                continue
            count += 1
            points += 0.5 if verdict.winner == "tie" else models[verdict.winner == "second"] == wanted
    return points / count, count


@pytest.mark.slow
def test_a_planted_offset_is_reported_and_removed_at_no_cost_in_agreement(tmp_path: Path) -> None:
    ways: dict[str, dict[str, Any]] = {
        "both_orders": {},
        "one_order": {},
        "one_order_removed": {
            "probes": {"share": 0.4, "first": 0, "kinds": ["swapped"]},
            "remove": ["position"],
        },
        "adaptive_swap": {"remove": ["position"]},
    }
    found: dict[str, float] = {}
    with replaying("--position-offset", str(OFFSET)) as url:
        for name, keys in ways.items():
            recipe = yaml.safe_load(recipe_for(url, tmp_path).read_text())
            recipe["judge"]["protocol"] = name.removesuffix("_removed")
            path = tmp_path / f"{name}.yaml"
            path.write_text(yaml.safe_dump({**recipe, **keys, "filters": [], "exports": []}))
            subprocess.run(command(path, tmp_path / name, 805), check=True, capture_output=True)
            found[name], count = agreement(tmp_path / name)
            assert count > 2200
            bias = json.loads((tmp_path / name / "manifest.json").read_text())["bias"]["teachers"]["gpt-4-turbo"]
            if name != "one_order":
                assert bias["offset"]["value"] == pytest.approx(OFFSET, rel=0.15)
    assert found["one_order"] < found["both_orders"]
    assert found["one_order_removed"] >= found["both_orders"] - 1e-9
    # It promises the winners of both orders in all but a hundredth.
    assert found["adaptive_swap"] >= found["both_orders"] - 0.01
