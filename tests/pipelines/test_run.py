"""Whole runs: no row is lost whatever goes wrong, nothing is paid twice, and what stops a run is one line."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.world.server import running
from prefmill.generators.world.settings import Faults, WorldSettings
from prefmill.pipelines.export import export
from prefmill.pipelines.progress import Snapshot
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import EndpointError, RunDirectoryError, Stopped
from prefmill.schemas.rows import Answer, Comparison, Judgment, Loss, Task, Verdict

MODELS = ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")
TEACHER = "sim-teacher-strong"
SIMULATED = {"provider": "simulated", "timeout": 5, "max_in_flight": 16}


def write_tasks(folder: Path, count: int, *odd: str) -> None:
    lines = [json.dumps({"id": f"q{number}", "instruction": f"Question {number}?"}) for number in range(count)]
    for place, line in enumerate(odd):
        lines.insert(3 * place + 1, line)
    (folder / "tasks.jsonl").write_text("\n".join(lines) + "\n")


def write_recipe(folder: Path, provider: dict[str, Any] | None = None, **changes: object) -> Path:
    """A recipe with three answering models and one teacher; `provider` is what every entry has."""
    entry = provider or SIMULATED
    recipe = {
        "name": "test",
        "seed": 5,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**entry, "model": model, "sampling": {"temperature": 0.7}} for model in MODELS],
        "compare": {"pairs": "all"},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{**entry, "model": TEACHER, "sampling": {"temperature": 0}}],
        },
        "filters": ["empty_answers", "truncated_answers", "refusals", "failed_judgments"],
        "exports": ["judgelm", "preference"],
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def mill(path: Path, directory: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - as `run` takes them
    return run(read_recipe(path), directory, **options)


def exported(directory: Path) -> dict[str, bytes]:
    files = {str(file.relative_to(directory)): file.read_bytes() for file in sorted(directory.glob("export/*/*.jsonl"))}
    assert files
    return files


def rows(directory: Path, kind: type[Any]) -> list[Any]:
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def calls(manifest: dict[str, Any]) -> int:
    return sum(row["calls"] for row in manifest["calls"])


def check_accounts(manifest: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Every stage: in = kept + dropped + failed, and the rows on disk are those counts."""
    stages: dict[str, Any] = manifest["stages"]
    losses = Counter((loss.stage, loss.status, loss.reason) for loss in rows(directory, Loss))
    on_disk = {
        "tasks": (None, len(rows(directory, Task))),
        "answers": (len(rows(directory, Answer)), None),
        "comparisons": (None, len(rows(directory, Comparison))),
        "judgments": (
            len(rows(directory, Judgment)),
            sum(judgment.failure is None for judgment in rows(directory, Judgment)),
        ),
        "verdicts": (len(rows(directory, Verdict)), None),
    }
    for stage, count in stages.items():
        lost = sum(count["dropped"].values()) + sum(count["failed"].values())
        assert count["in"] == count["kept"] + lost, stage
    for stage, (entered, kept) in on_disk.items():
        assert entered in (None, stages[stage]["in"])
        assert kept in (None, stages[stage]["kept"])
        for status in ("dropped", "failed"):
            reasons = {reason: n for (of, how, reason), n in losses.items() if (of, how) == (stage, status)}
            assert reasons == stages[stage][status]
    assert stages["answers"]["in"] == len(MODELS) * stages["tasks"]["kept"]
    assert stages["verdicts"]["in"] == stages["comparisons"]["kept"]
    assert stages["judgments"]["in"] == 2 * stages["comparisons"]["kept"]
    for name in ("judgelm", "preference"):
        assert stages[f"export {name}"]["in"] == stages["verdicts"]["kept"]
    return stages


ODD = ("{", "[1, 2]", '{"id": "x", "instruction": ""}', '{"id": "q1", "instruction": "Another?"}', "\ufffd\x00")
"""Four malformed lines, and one whose id is taken."""
FAULTS = Faults(rate_limited=0.1, server_error=0.1, hang=0.02, truncated=0.05, empty=0.4, refusal=0.05, unreadable=0.15)


def test_no_row_is_lost_whatever_goes_wrong(tmp_path: Path) -> None:
    write_tasks(tmp_path, 30, *ODD, '{"instruction": "Question 7?", "id": "q7"}')
    provider = {**SIMULATED, "attempts": 2, "timeout": 0.5}
    world = {"seed": 3, "faults": FAULTS.model_dump()}
    manifest = mill(write_recipe(tmp_path, provider, world=world), tmp_path / "run")
    stages = check_accounts(manifest, tmp_path / "run")
    assert stages["tasks"] == {
        "in": 36,
        "kept": 30,
        "dropped": {"duplicate": 1},
        "failed": {"duplicate": 1, "malformed": 4},
    }
    answers = rows(tmp_path / "run", Answer)
    assert [(one.model, one.sample) for one in answers] == [(model, 0) for model in MODELS] * 30
    # Every kind of trouble that was planted has shown up somewhere, so that none of the sums is trivial.
    assert {"empty", "server_error"} <= set(stages["answers"]["failed"])
    assert set(stages["answers"]["dropped"]) == {"truncated_answers", "refusals"}
    assert set(stages["comparisons"]["failed"]) == {"no_usable_pair"}
    assert "unreadable" in stages["judgments"]["failed"]
    assert stages["verdicts"]["dropped"]["failed_judgments"] > 0
    assert stages["verdicts"]["kept"] > 2
    failed = sum(row["failed"] for row in manifest["calls"])
    assert failed > 0
    assert manifest["finished"]
    # A failure is what came of a call as well: it is not asked again unless that is wanted.
    again = mill(tmp_path / "recipe.yaml", tmp_path / "run")
    assert (again["stages"], again["calls"]) == (stages, manifest["calls"])


def openai(base_url: str, **fields: object) -> dict[str, Any]:
    return {"provider": "openai", "base_url": base_url, "timeout": 5, "attempts": 2, "max_in_flight": 16, **fields}


def test_a_finished_run_needs_neither_calls_nor_a_server(tmp_path: Path) -> None:
    write_tasks(tmp_path, 8)
    with running(WorldSettings(seed=1)) as world:
        first = mill(write_recipe(tmp_path, openai(world.base_url)), tmp_path / "run")
    before = exported(tmp_path / "run")
    assert calls(first) == 8 * 3 + 8 * 3 * 2
    again = mill(tmp_path / "recipe.yaml", tmp_path / "run")
    assert (again["calls"], again["stages"], again["cost_usd"]) == (first["calls"], first["stages"], None)
    assert exported(tmp_path / "run") == before


def test_other_filters_and_exports_make_no_call(tmp_path: Path) -> None:
    write_tasks(tmp_path, 20)
    with running(WorldSettings(seed=1)) as world:
        first = mill(write_recipe(tmp_path, openai(world.base_url)), tmp_path / "run")
    before = exported(tmp_path / "run")
    stricter = ["empty_answers", "order_inconsistent", {"filter": "minimum_margin", "margin": 2}]
    path = write_recipe(tmp_path, openai(world.base_url), filters=stricter, exports=["preference"])
    second = mill(path, tmp_path / "run")
    assert second["calls"] == first["calls"]
    kept = second["stages"]["verdicts"]
    assert 0 < kept["kept"] < first["stages"]["verdicts"]["kept"]
    assert set(kept["dropped"]) == {"order_inconsistent", "minimum_margin"}
    assert exported(tmp_path / "run")["export/preference/train.jsonl"] != before["export/preference/train.jsonl"]
    third = mill(write_recipe(tmp_path, openai(world.base_url)), tmp_path / "run")
    assert (third["stages"], exported(tmp_path / "run")) == (first["stages"], before)


def test_only_failed_calls_are_asked_again_where_that_is_wanted(tmp_path: Path) -> None:
    write_tasks(tmp_path, 20)
    once = {"attempts": 1}
    with running(WorldSettings(seed=1, faults=Faults(server_error=0.2))) as world:
        first = mill(write_recipe(tmp_path, openai(world.base_url, **once)), tmp_path / "run")
    failed = sum(row["failed"] for row in first["calls"])
    assert failed > 10
    with running(WorldSettings(seed=1)) as world:
        path = write_recipe(tmp_path, openai(world.base_url, **once))
        assert mill(path, tmp_path / "run")["calls"] == first["calls"]
        mended = mill(path, tmp_path / "run", retry_failed=True)
    assert sum(row["failed"] for row in mended["calls"]) == 0
    assert calls(mended) == 20 * 3 + 20 * 3 * 2
    assert sum(row["attempts"] for row in mended["calls"]) == calls(mended)


def test_what_is_shown_while_it_runs_adds_up(tmp_path: Path) -> None:
    write_tasks(tmp_path, 20, "{")
    seen: list[Snapshot] = []
    world = {"latency": 0.05}
    mill(write_recipe(tmp_path, world=world), tmp_path / "run", watch=seen.append)
    assert len(seen) > 2
    done = [[stage.done for stage in snapshot.stages] for snapshot in seen]
    assert done == sorted(done)
    last = seen[-1]
    assert (last.tasks_done, last.tasks_total) == (21, 21)
    assert [(stage.stage, stage.model, stage.done, stage.open) for stage in last.stages] == [
        *(("answers", model, 20, 0) for model in MODELS),
        ("judgments", TEACHER, 120, 0),
    ]
    assert last.cost_usd > 0
    mill(tmp_path / "recipe.yaml", tmp_path / "run", watch=seen.append)
    assert [(stage.done, stage.found) for stage in seen[-1].stages] == [(20, 20)] * 3 + [(120, 120)]


def test_an_endpoint_that_is_down_stops_the_run_and_it_goes_on_later(tmp_path: Path) -> None:
    write_tasks(tmp_path, 5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path = write_recipe(tmp_path, openai(f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(EndpointError, match="cannot connect: Connection refused"):
        mill(path, tmp_path / "run")
    manifest = RunDirectory(tmp_path / "run").manifest()
    assert (manifest["finished"], calls(manifest)) == (False, 0)
    assert "cannot connect" in manifest["stopped"]
    with running(WorldSettings(), port):
        assert mill(path, tmp_path / "run")["finished"]


def test_a_key_that_is_refused_midway_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check passes, since the key is right for one of two endpoints only when calls are sent."""
    write_tasks(tmp_path, 5)
    monkeypatch.setenv("PREFMILL_TEST_KEY", "wrong")
    with running(WorldSettings(api_key="right")) as world:
        path = write_recipe(tmp_path, openai(world.base_url, api_key_env="PREFMILL_TEST_KEY"))
        with pytest.raises(EndpointError, match=r"refuses the key .* Check the key in PREFMILL_TEST_KEY") as caught:
            mill(path, tmp_path / "run")
        assert "wrong" not in str(caught.value)
        monkeypatch.setenv("PREFMILL_TEST_KEY", "right")
        assert mill(path, tmp_path / "run")["finished"]


def test_a_directory_belongs_to_one_run_at_a_time_and_to_one_recipe(tmp_path: Path) -> None:
    write_tasks(tmp_path, 3)
    recipe = read_recipe(write_recipe(tmp_path))
    directory = RunDirectory(tmp_path / "run")
    with directory.claimed(recipe), pytest.raises(RunDirectoryError, match=f"process {os.getpid()} is running here"):
        run(recipe, directory.path)
    run(recipe, directory.path)
    with pytest.raises(RunDirectoryError, match="the recipe has changed since this run began: seed: 5 -> 6"):
        mill(write_recipe(tmp_path, seed=6), directory.path)


def test_a_notebook_may_call_it(tmp_path: Path) -> None:
    """There, an event loop is running already in the thread that calls."""
    write_tasks(tmp_path, 3)
    path = write_recipe(tmp_path)

    async def cell() -> dict[str, Any]:
        return mill(path, tmp_path / "run")

    assert asyncio.run(cell())["finished"]


def test_an_interrupt_in_a_notebook_stops_the_run(tmp_path: Path) -> None:
    write_tasks(tmp_path, 15)
    path = write_recipe(tmp_path, world={"latency": 0.15})
    seen: list[Snapshot] = []

    def watch(snapshot: Snapshot) -> None:
        if not seen and sum(stage.done for stage in snapshot.stages) > 20:
            seen.append(snapshot)
            # As the notebook's interrupt button does; there, no handler of a loop takes it.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    async def cell() -> dict[str, Any]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return mill(path, tmp_path / "run", watch=watch)

    with pytest.raises(Stopped, match="stopped by an interrupt"):
        asyncio.run(cell())
    assert not RunDirectory(tmp_path / "run").manifest()["finished"]
    assert mill(path, tmp_path / "run")["finished"]


def test_a_thread_may_call_it(tmp_path: Path) -> None:
    write_tasks(tmp_path, 3)
    path = write_recipe(tmp_path)
    ended: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: ended.append(mill(path, tmp_path / "run")))
    thread.start()
    thread.join()
    assert ended[0]["finished"]


def _room(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def prefmill(room: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, in a process whose files may not grow beyond `room` bytes."""
    command: Sequence[str | Path] = [sys.executable, "-m", "prefmill", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, preexec_fn=lambda: _room(room)
    )


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE as Linux has it")
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    """First the disk is full while calls are made, then while exports are written."""
    write_tasks(tmp_path, 30)
    directory = tmp_path / "run"
    with running(WorldSettings(seed=2)) as world:
        path = write_recipe(tmp_path, openai(world.base_url))
        full = prefmill(400_000, "run", path, "--run-dir", directory, "--json")
        assert full.returncode == 2, full.stderr
        assert full.stderr.count("\n") == 1
        assert f"{directory}/" in full.stderr
        assert "make space" in full.stderr
        manifest = mill(path, directory)
    check_accounts(manifest, directory)
    assert calls(manifest) == 30 * 3 + 30 * 3 * 2
    before = exported(directory)
    full = prefmill(20_000, "export", directory)
    assert full.returncode == 2, full.stderr
    assert full.stderr.count("\n") == 1
    assert "Make space" in full.stderr
    assert exported(directory) == before
    export(RunDirectory(directory), read_recipe(path).exports)
    assert exported(directory) == before
