"""Stopping and killing real runs at any moment: what was paid for is kept, and the end is the same."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Loss, Task

MODELS = ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")
IN_FLIGHT = 4
"""Calls in flight to each of four models."""
MOST_REPEATED = IN_FLIGHT * (len(MODELS) + 1)
"""Calls that one kill can cost."""


class World:
    """A simulated world in a process of its own, which outlives the runs that call it."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def requests(self) -> int:
        """Chat requests that have arrived."""
        with urllib.request.urlopen(f"{self.base_url.removesuffix('/v1')}/stats") as reply:
            return int(json.load(reply)["requests"])

    def wait_for(self, requests: int, process: subprocess.Popen[str]) -> None:
        """Until so many requests have arrived, or the run has ended before."""
        while self.requests() < requests and process.poll() is None:
            time.sleep(0.01)


@contextmanager
def world(*options: str) -> Iterator[World]:
    command = [sys.executable, "-m", "prefmill.generators.world", "--seed", "3", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield World(process.stdout.readline().split()[-1])
        finally:
            process.terminate()


def write_recipe(folder: Path, base_url: str, tasks: int) -> Path:
    """Every entry has a seed, so that the world says the same again to whoever asks again after a kill."""
    entry = {"provider": "openai", "base_url": base_url, "timeout": 20, "max_in_flight": IN_FLIGHT}
    lines = [json.dumps({"id": f"q{number}", "instruction": f"Question {number}?"}) for number in range(tasks)]
    lines[3:3] = ["{", lines[0]]
    (folder / "tasks.jsonl").write_text("\n".join(lines))
    recipe = {
        "name": "test",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**entry, "model": model, "sampling": {"temperature": 0.7, "seed": 1}} for model in MODELS],
        "compare": {"pairs": "random", "per_task": 2},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{**entry, "model": "sim-teacher-strong", "sampling": {"temperature": 0, "seed": 1}}],
        },
        "filters": ["empty_answers", "truncated_answers", "refusals", {"filter": "minimum_margin", "margin": 1}],
        "exports": ["judgelm", "preference"],
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@contextmanager
def milling(path: Path, directory: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`prefmill run` in a process group of its own, which is gone afterwards."""
    command = [sys.executable, "-m", "prefmill", "run", str(path), "--run-dir", str(directory), *options]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()


def exported(directory: Path) -> dict[str, bytes]:
    """All files of all exports, their cards included."""
    folder = directory / "export"
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def whole(folder: Path, tasks: int) -> tuple[int, dict[str, bytes], dict[str, Any]]:
    """Calls, exports and waterfall of a run that nothing disturbs."""
    with world() as calm:
        manifest = run(read_recipe(write_recipe(folder, calm.base_url, tasks)), folder / "whole")
        files = exported(folder / "whole")
        assert len(files) > 3
        return calm.requests(), files, manifest["stages"]


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_keeps_what_was_paid_for(tmp_path: Path, number: signal.Signals) -> None:
    tasks = 10
    calls, files, stages = whole(tmp_path, tasks)
    with world("--latency", "0.1") as slow:
        path, directory = write_recipe(tmp_path, slow.base_url, tasks), tmp_path / "run"
        with milling(path, directory, "--json") as process:
            slow.wait_for(calls // 2, process)
            started = time.monotonic()
            process.send_signal(number)
            process.wait(timeout=20)
            seconds = time.monotonic() - started
            message = said(process)
        assert process.returncode == 3, message
        assert message.startswith(f"stopped by {number.name}: ")
        assert message.count("\n") == 1
        assert f" calls are kept in {directory}" in message
        # Two seconds are promised; four allow for a busy machine.
        assert seconds < 4
        manifest = RunDirectory(directory).manifest()
        kept = sum(row["calls"] for row in manifest["calls"])
        assert f" {kept} calls are kept" in message
        assert not manifest["finished"]
        sent = slow.requests()
        assert calls // 2 <= sent < calls
        assert sent - kept <= MOST_REPEATED
        finished = run(read_recipe(path), directory)
        repeated = slow.requests() - calls
    assert finished["stages"] == stages
    assert exported(directory) == files
    assert 0 <= repeated <= sent - kept


def test_ctrl_c_before_the_first_call_is_no_different(tmp_path: Path) -> None:
    path, directory = write_recipe(tmp_path, "http://127.0.0.1:1/v1", 5), tmp_path / "run"
    with milling(path, directory) as process:
        while not (directory / "manifest.json").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        message = said(process)
    assert process.returncode == 3, message
    assert message.startswith(f"stopped by SIGINT: 0 calls are kept in {directory}")


def test_ctrl_c_does_not_wait_for_the_end_of_a_long_source(tmp_path: Path) -> None:
    """Its lines are counted beside the run, for the time left."""
    with world("--latency", "0.3") as slow:
        path = write_recipe(tmp_path, slow.base_url, 250_000)
        with milling(path, tmp_path / "run") as process:
            slow.wait_for(5, process)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            seconds = time.monotonic() - started
    assert process.returncode == 3
    # Counting such a source takes twice as long on an idle machine.
    assert seconds < 5


def kill_and_finish(folder: Path, kills: int, tasks: int, seed: int) -> None:
    """Kill a run's whole process group at random moments, run it to its end, and compare with an undisturbed one."""
    chance = random.Random(seed)
    calls, files, stages = whole(folder, tasks)
    with world("--latency", "0.1") as slow:
        path, directory = write_recipe(folder, slow.base_url, tasks), folder / "run"
        cost = 0
        for number in range(kills):
            # Each run gets a part of what is left, so that every kill finds calls in flight.
            before = slow.requests()
            left = calls + cost - before
            with milling(path, directory, "--json") as process:
                slow.wait_for(before + max(1, round(left * chance.uniform(0.1, 0.8) / (kills - number))), process)
                time.sleep(chance.uniform(0, 0.1))
                os.killpg(process.pid, signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL, said(process)
            cost += MOST_REPEATED
        with milling(path, directory, "--json") as process:
            assert process.wait(timeout=60) == 0, said(process)
        repeated = slow.requests() - calls
    assert 0 <= repeated <= kills * MOST_REPEATED
    assert RunDirectory(directory).manifest()["stages"] == stages
    assert exported(directory) == files


def test_kill_9_at_random_moments_changes_nothing(tmp_path: Path) -> None:
    kill_and_finish(tmp_path, kills=2, tasks=10, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_9_many_times_changes_nothing(tmp_path: Path) -> None:
    kill_and_finish(tmp_path, kills=10, tasks=60, seed=2)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_9_and_faults_lose_no_row(tmp_path: Path) -> None:
    """What fails depends on how often it was asked, so the rows may differ; their number may not."""
    tasks = 40
    faults = [f"--fault={kind}=0.1" for kind in ("rate_limited", "server_error", "truncated", "empty", "unreadable")]
    with world("--latency", "0.05", *faults) as bad:
        path, directory = write_recipe(tmp_path, bad.base_url, tasks), tmp_path / "run"
        for requests in (60, 130, 200):
            with milling(path, directory, "--json") as process:
                bad.wait_for(requests, process)
                os.killpg(process.pid, signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL, said(process)
        manifest = run(read_recipe(path), directory)
    place, stages = RunDirectory(directory), manifest["stages"]
    assert [task.source_id for task in place.rows(Task, 0)] == [f"q{number}" for number in range(tasks)]
    assert [(one.model, one.sample) for one in place.rows(Answer, 0)] == [(model, 0) for model in MODELS] * tasks
    lost = place.rows(Loss, 0)
    for stage, count in stages.items():
        gone = sum(count["dropped"].values()) + sum(count["failed"].values())
        assert count["in"] == count["kept"] + gone, stage
        assert stage.startswith("export") or gone == sum(loss.stage == stage for loss in lost)
    assert stages["tasks"]["in"] == tasks + 2
    assert stages["comparisons"]["in"] == 2 * tasks
