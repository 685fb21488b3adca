"""Recipes with probes over the simulated world, for the tests of their runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from prefmill.pipelines.rundir import RunDirectory

STRONG, CHEAP = "sim-teacher-strong", "sim-teacher-cheap-1"


def write_recipe(folder: Path, tasks: int, /, **changes: Any) -> Path:  # noqa: ANN401 - recipe keys
    """Two answers to each task, one comparison, two teachers in one order; the third line is none."""
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": f"q{number}", "instruction": f"Question {number}?"}) for number in range(tasks)]
    lines[2:2] = ["{"]
    (folder / "tasks.jsonl").write_text("\n".join(lines))
    entry = {"provider": "simulated", "timeout": 5, "max_in_flight": 16}
    recipe = {
        "name": "probed",
        "seed": 5,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [
            {**entry, "model": model, "sampling": {"temperature": 0.7, "seed": 1}}
            for model in ("sim-oak-70b", "sim-pine-7b")
        ],
        "judge": {"judge": "judgelm", "protocol": "one_order", "teachers": teachers(STRONG, CHEAP)},
        "probes": {"share": 0.5, "first": 20},
        "exports": ["judgelm"],
        "world": {"seed": 3},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in recipe.items() if value is not None}))
    return path


def teachers(*names: str) -> list[dict[str, Any]]:
    entry = {"provider": "simulated", "timeout": 5, "max_in_flight": 16, "sampling": {"temperature": 0, "seed": 1}}
    return [{**entry, "model": name} for name in names]


def rows(directory: Path, kind: type[Any]) -> list[Any]:
    """All rows of one kind, in order."""
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def files(directory: Path) -> dict[str, bytes]:
    """All parts and exports."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and (file.suffix == ".parquet" or "export" in file.parts)
    }


def calls(manifest: dict[str, Any]) -> int:
    """Calls in the run's ledger."""
    return sum(row["calls"] for row in manifest["calls"])
