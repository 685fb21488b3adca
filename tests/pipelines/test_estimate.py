"""Estimates: what they say is what the run then costs, and what they asked is not asked again."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.pipelines.estimate import Estimate, Line, estimate
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.schemas.errors import SourceError

TASKS = 200
WORLD = {"seed": 3, "faults": {"rate_limited": 0.05, "empty": 0.05, "unreadable": 0.1, "truncated": 0.05}}


def write_recipe(folder: Path, tasks: int = TASKS, **changes: object) -> Path:
    """Tasks sorted by length, so that the first ones are not like the rest."""
    chance = random.Random(2)
    texts = sorted((" ".join(["word"] * round(chance.lognormvariate(3, 0.8))) for _ in range(tasks)), key=len)
    lines = [json.dumps({"id": f"q{number}", "instruction": f"{number} {text}?"}) for number, text in enumerate(texts)]
    (folder / "tasks.jsonl").write_text("\n".join(lines))
    entry = {"provider": "simulated", "max_in_flight": 64}
    recipe = {
        "name": "estimated",
        "seed": 1,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**entry, "model": "sim-oak-70b"}, {**entry, "model": "sim-birch-14b", "samples": 2}],
        "compare": {"pairs": "all"},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{**entry, "model": "sim-teacher-strong"}],
        },
        "exports": ["judgelm"],
        "world": WORLD,
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def reckon(path: Path, directory: Path, **options: Any) -> Estimate:  # noqa: ANN401 - as `estimate` takes them
    return estimate(read_recipe(path), directory, **options)


def lines(estimated: Estimate) -> dict[tuple[str, str], Line]:
    return {(line.stage, line.model): line for line in estimated.lines}


def inside(truth: float, figure: Any) -> bool:  # noqa: ANN401 - a Figure, with its range
    return bool(figure.low <= truth <= figure.high)


def test_the_range_covers_what_the_run_then_costs(tmp_path: Path) -> None:
    path, directory = write_recipe(tmp_path), tmp_path / "run"
    estimated = reckon(path, directory, sample=20)
    assert (estimated.tasks, estimated.sampled, estimated.unpriced) == (TASKS, 20, ())
    assert estimated.kept_calls == estimated.sent
    manifest = run(read_recipe(path), directory)
    truth = {(row["stage"], row["model"]): row for row in manifest["calls"]}
    assert set(truth) == set(lines(estimated))

    total = estimated.total
    assert total.online_usd is not None
    assert total.batch_usd is not None
    assert inside(manifest["cost_usd"], total.online_usd)
    assert inside(sum(row["calls"] for row in truth.values()), total.calls)
    assert inside(sum(row["prompt_tokens"] for row in truth.values()), total.prompt_tokens)
    assert inside(sum(row["completion_tokens"] for row in truth.values()), total.completion_tokens)
    assert total.batch_usd.expected == pytest.approx(total.online_usd.expected / 2)
    summed = sum(line.online_usd.expected for line in estimated.lines if line.online_usd)
    assert summed == pytest.approx(total.online_usd.expected)
    for key, line in lines(estimated).items():
        assert line.online_usd is not None
        assert line.online_usd.expected == pytest.approx(truth[key]["cost_usd"], rel=0.4), key
    # Ranges that hold everything would hold the truth as well.
    assert total.online_usd.low is not None
    assert total.online_usd.high is not None
    assert total.online_usd.high - total.online_usd.low < 0.5 * manifest["cost_usd"]

    now = manifest["this_time"]
    assert now["found"] == estimated.sent, "the run pays for none of it again"
    assert now["sent"] + now["found"] == sum(row["calls"] for row in truth.values())


def test_all_tasks_are_exact(tmp_path: Path) -> None:
    path, directory = write_recipe(tmp_path, tasks=12), tmp_path / "run"
    estimated = reckon(path, directory, sample=100)
    manifest = run(read_recipe(path), directory)
    assert manifest["this_time"]["sent"] == 0
    assert estimated.sampled == 12
    assert estimated.total.online_usd is not None
    assert estimated.total.online_usd.low == pytest.approx(manifest["cost_usd"])
    assert estimated.total.online_usd.high == pytest.approx(manifest["cost_usd"])


def test_a_run_that_lies_there_is_left_as_it_is(tmp_path: Path) -> None:
    path, directory = write_recipe(tmp_path, tasks=12), tmp_path / "run"
    recipe = read_recipe(path)
    run(recipe, directory)

    def files() -> dict[str, bytes]:
        kept = (file for file in sorted(directory.rglob("*")) if file.is_file())
        apart = ("estimate", "ledger", "lock")
        return {n: file.read_bytes() for file in kept if not (n := str(file.relative_to(directory))).startswith(apart)}

    before = files()
    assert "manifest.json" in before
    assert any(name.startswith("1-tasks") for name in before)
    estimated = estimate(recipe, directory, sample=5)
    assert estimated.sent == 0
    assert estimated.kept_calls > 5
    assert files() == before


def test_an_estimate_makes_no_run(tmp_path: Path) -> None:
    """Another recipe may still be run in that directory."""
    directory = tmp_path / "run"
    reckon(write_recipe(tmp_path, tasks=4), directory, sample=2)
    assert not (directory / "manifest.json").exists()
    run(read_recipe(write_recipe(tmp_path, tasks=4, seed=9)), directory)


def test_without_a_sample_no_model_is_asked(tmp_path: Path) -> None:
    path, directory = write_recipe(tmp_path), tmp_path / "run"
    estimated = reckon(path, directory, sample=0)
    assert not directory.exists()
    assert (estimated.tasks, estimated.sampled, estimated.sent, estimated.seconds) == (TASKS, 0, 0, None)
    of = lines(estimated)
    assert of["answers", "sim-oak-70b"].calls.expected == TASKS
    assert of["answers", "sim-birch-14b"].calls.expected == 2 * TASKS
    assert of["judgments", "sim-teacher-strong"].calls.expected == 3 * 2 * TASKS
    letters = sum(len(json.loads(line)["instruction"]) for line in (tmp_path / "tasks.jsonl").read_text().splitlines())
    assert of["answers", "sim-oak-70b"].prompt_tokens.expected == pytest.approx(letters / 4, rel=0.05)
    assert of["answers", "sim-oak-70b"].completion_tokens.expected == 400 * TASKS
    # A teacher reads both answers.
    assert of["judgments", "sim-teacher-strong"].prompt_tokens.expected > 3 * 2 * TASKS * 800
    assert estimated.total.online_usd is not None
    assert estimated.total.online_usd.low is None


def test_a_guess_takes_replies_to_be_as_long_as_they_may_be(tmp_path: Path) -> None:
    entry = {"provider": "simulated", "sampling": {"max_tokens": 50}}
    answers = [{**entry, "model": "sim-oak-70b"}, {**entry, "model": "sim-pine-7b"}]
    estimated = reckon(write_recipe(tmp_path, answers=answers), tmp_path / "run", sample=0)
    assert lines(estimated)["answers", "sim-pine-7b"].completion_tokens.expected == 50 * TASKS


def test_models_without_a_price_are_named(tmp_path: Path) -> None:
    nobody = {"provider": "openai", "base_url": "http://localhost:9/v1", "model": "mine"}
    answers = [nobody, {"provider": "simulated", "model": "sim-oak-70b"}]
    estimated = reckon(write_recipe(tmp_path, answers=answers), tmp_path / "run", sample=0)
    assert estimated.unpriced == ("mine",)
    assert lines(estimated)["answers", "mine"].online_usd is None
    assert lines(estimated)["answers", "mine"].batch_usd is None
    assert estimated.total.online_usd is not None


def test_recorded_answers_cost_nothing_and_have_no_line(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, tasks=30)
    answers = [json.loads(line)["id"] for line in (tmp_path / "tasks.jsonl").read_text().splitlines()]
    (tmp_path / "answers.jsonl").write_text(
        "\n".join(json.dumps({"id": name, "model": "old", "text": f"Answer to {name}."}) for name in answers)
    )
    recipe = yaml.safe_load(path.read_text())
    recipe["answers"] = [{"provider": "recorded", "path": "answers.jsonl", "model": "old"}, recipe["answers"][0]]
    path.write_text(yaml.safe_dump(recipe))
    estimated = reckon(path, tmp_path / "run", sample=0)
    assert [line.model for line in estimated.lines] == ["sim-oak-70b", "sim-teacher-strong"]


def test_a_source_without_tasks(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    (tmp_path / "tasks.jsonl").write_text('{"instruction": ""}\n')
    with pytest.raises(SourceError, match=r"tasks\.jsonl: no line of it is a task"):
        reckon(path, tmp_path / "run", sample=3)


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, tasks=30)
    command = [sys.executable, "-m", "prefmill", "estimate", str(path), "--run-dir", str(tmp_path / "run")]

    def said(*more: str) -> str:
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    table = said("--sample", "5")
    assert "from 5 of 30 tasks; ranges hold about 9 times in 10." in table
    assert " to " in table
    assert "sim-teacher-strong" in table
    plain = json.loads(said("--sample", "0", "--json"))
    assert (plain["tasks"], plain["sampled"], plain["sent"]) == (30, 0, 0)
    assert set(plain["total"]["online_usd"]) == {"expected", "low", "high"}
