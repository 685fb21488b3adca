"""Formats that take comparisons and graded answers get whichever a run makes."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run

SIMULATED = [{"provider": "simulated", "model": model} for model in ("sim-oak-70b", "sim-pine-7b")]
TEACHER = {"provider": "simulated", "model": "sim-teacher-strong"}


@pytest.mark.parametrize(
    ("judge", "written"), [("mt_bench_single", "model_single.jsonl"), ("mt_bench_pair", "model_pair.jsonl")]
)
def test_a_run_writes_what_it_has(tmp_path: Path, judge: str, written: str) -> None:
    tasks = [{"id": number, "instruction": f"Question {number}?"} for number in range(6)]
    (tmp_path / "tasks.jsonl").write_bytes(b"".join(orjson.dumps(task) + b"\n" for task in tasks))
    single = judge == "mt_bench_single"
    recipe = {
        "name": "both-kinds",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": SIMULATED,
        "judge": {"judge": judge, "teachers": [TEACHER], **({} if single else {"protocol": "both_orders"})},
        "exports": ["mt_bench_judgments", {"format": "unpaired", "desirable_from": 6}],
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    stages = run(read_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")["stages"]
    assert stages["export mt_bench_judgments"]["in"] == stages["grades" if single else "verdicts"]["kept"] > 0
    assert stages["export unpaired"]["in"] == stages["export mt_bench_judgments"]["in"]
    folder = tmp_path / "run" / "export" / "mt_bench_judgments"
    assert [path.name for path in folder.glob("*.jsonl")] == [written]
    assert len((folder / written).read_bytes().splitlines()) == stages["export mt_bench_judgments"]["kept"]
