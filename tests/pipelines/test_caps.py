"""Caps, against an endpoint that counts: overshoot, exit 3, going on under a higher one, and the sums."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.budget import Caps
from prefmill.generators.world.population import BY_NAME
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import Faults, WorldSettings
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import UNCAPPED, run
from prefmill.schemas.errors import CapReached

ANSWERING = ("sim-oak-70b", "sim-birch-14b")
TEACHER = "sim-teacher-strong"
IN_FLIGHT = 4
"""Calls in flight to each model."""
TASKS = 30


class Server:
    """A simulated world that stands beside the run."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.base_url.removesuffix('/v1')}/stats") as reply:
            counted: dict[str, Any] = json.load(reply)
        return counted

    def usd(self) -> float:
        """What it has billed, at the planted prices."""
        return sum(BY_NAME[model].price.of(*tokens) for model, tokens in self.stats()["tokens"].items())


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:  # noqa: ANN401 - world settings
    with running(WorldSettings(**settings)) as world:
        yield Server(world.base_url)


def write_recipe(folder: Path, server: Server, tasks: int = TASKS, priced: bool = True) -> Path:
    lines = [json.dumps({"id": f"q{number}", "instruction": f"Question {number}?"}) for number in range(tasks)]
    (folder / "tasks.jsonl").write_text("\n".join(lines))

    def entry(model: str) -> dict[str, Any]:
        price = {"price": BY_NAME[model].price.model_dump()} if priced else {}
        common = {"provider": "openai", "base_url": server.base_url, "max_in_flight": IN_FLIGHT, "timeout": 20}
        return {**common, "model": model, **price}

    recipe = {
        "name": "capped",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [entry(model) for model in ANSWERING],
        "judge": {"judge": "judgelm", "protocol": "both_orders", "teachers": [entry(TEACHER)]},
        "exports": ["judgelm", "preference"],
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def prefmill(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run in `folder/run` by the command line."""
    command = [sys.executable, "-m", "prefmill", "run", "recipe.yaml", "--run-dir", "run", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def mill(folder: Path, caps: Caps = UNCAPPED) -> dict[str, Any]:
    """The same in this process."""
    return run(read_recipe(folder / "recipe.yaml"), folder / "run", caps=caps)


def stopped(folder: Path, caps: Caps) -> str:
    """What is said when the caps stop the run."""
    with pytest.raises(CapReached) as reached:
        mill(folder, caps)
    return str(reached.value)


def ledger(folder: Path) -> tuple[int, float, float]:
    """Calls, dollars, and the dearest call."""
    connection = sqlite3.connect(folder / "run" / "ledger.sqlite")
    try:
        row = connection.execute("SELECT COUNT(*), SUM(cost_usd), MAX(cost_usd) FROM calls").fetchone()
    finally:
        connection.close()
    return row[0], row[1], row[2]


def exported(folder: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("run/export/*/*.jsonl"))}
    assert files
    return files


def test_dollars_stop_a_run_and_a_higher_cap_goes_on(tmp_path: Path) -> None:
    """Under a cap, under the same again, under a higher one, without one; then the same run without any cap."""
    with serving(latency=0.02) as server:
        write_recipe(tmp_path, server)
        first = prefmill(tmp_path, "--max-usd", "0.02")
        assert first.returncode == 3, first.stderr
        calls, usd, dearest = ledger(tmp_path)
        assert (
            f"--max-usd 0.02 is reached: ${usd:.4f} spent in this run: {calls} calls are kept in run;" in first.stderr
        )
        assert "`prefmill run recipe.yaml --run-dir run --max-usd " in first.stderr
        assert "Traceback" not in first.stderr
        assert 0.02 <= usd <= 0.02 + 3 * IN_FLIGHT * dearest
        assert usd == pytest.approx(server.usd()), "what was in flight came back and was written"

        before = server.stats()
        assert stopped(tmp_path, Caps(usd=0.02)) == f"--max-usd 0.02 is reached: ${usd:.4f} spent in this run"
        assert server.stats() == before, "nothing is sent under a cap that is spent"

        assert stopped(tmp_path, Caps(usd=0.05)).startswith("--max-usd 0.05 is reached: ")
        assert 0.05 <= ledger(tmp_path)[1] <= 0.05 + 3 * IN_FLIGHT * dearest

        manifest = mill(tmp_path)
        assert manifest["this_time"]["found"] > calls
        assert server.stats()["repeats"] == 0
        assert ledger(tmp_path)[1] == pytest.approx(manifest["cost_usd"]) == pytest.approx(server.usd())
    straight = tmp_path / "straight"
    straight.mkdir()
    with serving() as server:
        write_recipe(straight, server)
        mill(straight)
    assert exported(tmp_path) == exported(straight)


def test_calls_are_never_overshot(tmp_path: Path) -> None:
    with serving(latency=0.02) as server:
        write_recipe(tmp_path, server)
        for cap in (25, 25, 60):
            assert stopped(tmp_path, Caps(calls=cap)) == f"--max-calls {cap} is reached: {cap} calls made in this run"
            assert server.stats()["requests"] == ledger(tmp_path)[0] == cap
        assert mill(tmp_path, Caps(calls=1000))["finished"]


def test_calls_in_flight_are_waited_for_when_a_cap_is_reached(tmp_path: Path) -> None:
    """They take longer than what Ctrl-C waits, and they are paid for."""
    with serving(latency=1.6, latency_sigma=0) as server:
        write_recipe(tmp_path, server, tasks=4)
        stopped(tmp_path, Caps(calls=6))
        assert server.stats()["codes"] == {"200": 6}
        assert ledger(tmp_path)[0] == 6


def test_hours_stop_this_invocation_only(tmp_path: Path) -> None:
    import_module("prefmill.pipelines.engine")  # Takes seconds, which would be the run's.
    with serving(latency=1.2, latency_sigma=0) as server:
        write_recipe(tmp_path, server, tasks=6)
        assert stopped(tmp_path, Caps(hours=0.0005)).startswith("--max-hours 0.0005 is reached: 0.000")
        calls = ledger(tmp_path)[0]
        assert 0 < calls < 4 * 6
        assert mill(tmp_path, Caps(hours=1))["finished"]


def test_a_cap_that_is_never_reached_changes_nothing(tmp_path: Path) -> None:
    with serving() as server:
        write_recipe(tmp_path, server, tasks=3)
        done = prefmill(tmp_path, "--max-usd", "5", "--max-calls", "12", "--max-hours", "1", "--json")
        assert done.returncode == 0, done.stderr
        manifest = json.loads(done.stdout)
        assert manifest["finished"]
        assert manifest["cost_usd"] == pytest.approx(server.usd())


def test_dollars_need_prices(tmp_path: Path) -> None:
    with serving() as server:
        write_recipe(tmp_path, server, priced=False)
        done = prefmill(tmp_path, "--max-usd", "5")
        assert done.returncode == 2
        assert f"no price is known of {', '.join(sorted((*ANSWERING, TEACHER)))}." in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert server.stats()["requests"] == 0
    assert not (tmp_path / "run").exists()


def test_the_ledger_holds_what_the_server_counted_whatever_goes_wrong(tmp_path: Path) -> None:
    """Tokens of each model and dollars, after a run with failed attempts, fresh samples and two stops."""
    faults = Faults(rate_limited=0.1, server_error=0.1, empty=0.05, truncated=0.05, unreadable=0.1)
    with serving(latency=0.01, faults=faults) as server:
        write_recipe(tmp_path, server)
        stopped(tmp_path, Caps(usd=0.02))
        stopped(tmp_path, Caps(calls=80))
        manifest, counted = mill(tmp_path), server.stats()
    codes = counted["codes"]
    assert codes["429"] > 0
    assert codes["500"] > 0
    rows = {row["model"]: row for row in manifest["calls"]}
    assert {model: [row["prompt_tokens"], row["completion_tokens"]] for model, row in rows.items()} == counted["tokens"]
    assert sum(row["attempts"] for row in rows.values()) <= counted["requests"]
    assert sum(row["calls"] - row["failed"] for row in rows.values()) == codes["200"]
    billed = sum(BY_NAME[model].price.of(*tokens) for model, tokens in counted["tokens"].items())
    assert manifest["cost_usd"] == pytest.approx(billed)
