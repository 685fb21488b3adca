"""What the page holds of a run's rows, decoded in Python as a browser decodes it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.report.page import Section
from prefmill.pipelines.run import run

from ..probed_runs import write_recipe

_KINDS = {
    "task": "<u4", "fate": "<u2", "models": "<u2", "flags": "<u2", "winner": "<u1", "list": "<u1", "place": "<u2",
    "margin": "<f4", "confidence": "<f4", "category": "<u2",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One row of the list."""

    id: str
    fate: tuple[str, str, str, str]
    models: tuple[str, ...]
    flags: tuple[str, ...]
    winner: int
    title: str
    task: dict[str, Any]
    row: dict[str, Any]


def faulty_run(folder: Path, tasks: int = 24) -> Path:
    """A run in which rows are lost at several stages."""
    recipe = write_recipe(
        folder, tasks, probes=None,
        filters=["refusals", "truncated_answers", {"filter": "minimum_margin", "margin": 2}],
        world={"seed": 3, "faults": {"refusal": 0.1, "truncated": 0.1, "unreadable": 0.3}},
    )  # fmt: skip
    run(read_recipe(recipe), folder / "run")
    return folder / "run"


def entries(section: Section) -> list[Entry]:
    """All rows of the list, with their values from the chunks."""
    index = json.loads(json.dumps(section.data["browse-index"]))
    column = {name: np.frombuffer(_unpacked(index["columns"][name]), kind) for name, kind in _KINDS.items()}
    ids = _unpacked(index["columns"]["id"])
    titles = json.loads(_unpacked(index["titles"]))
    tasks = values(section)
    found = []
    for number in range(index["entries"]):
        task = tasks[column["task"][number]]
        place = ("comparisons", "grades", "losses")[column["list"][number]]
        found.append(
            Entry(
                id=index["odd"].get(str(number), ids[8 * number : 8 * number + 8].hex()),
                fate=tuple(index["fates"][column["fate"][number]]),
                models=tuple(index["models"][column["models"][number]]),
                flags=tuple(index["flags"][column["flags"][number]]),
                winner=int(column["winner"][number]),
                title=titles[column["task"][number]],
                task=task,
                row=task[place][column["place"][number]],
            )
        )
    return found


def values(section: Section) -> list[dict[str, Any]]:
    """Every task's value, in order; each chunk begins where the index says."""
    index, tasks = section.data["browse-index"], list[dict[str, Any]]()
    assert isinstance(index, Mapping)
    for number, first in enumerate(index["chunks"]):
        assert first == len(tasks)
        tasks += json.loads(_unpacked(str(section.data[f"browse-{number}"])))
    return tasks


def _unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))
