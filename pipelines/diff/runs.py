"""Two runs: their recipes, counts, calls and labels.

Ids are hashes of content, so a comparison of the same answers to the same task has the same id in both. Where answers
were sampled anew, comparisons have nothing in common, and `tasks` says whether at least the questions have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...schemas.rows import Grade, Loss, Task, Verdict
from ..part_columns import part_columns
from ..recipe import as_plain, differences
from ..recipe_reading import read_recipe
from ..rundir import FOLDERS, LABELS, RunDirectory
from .rows import Labelled, compared

CALLS = ("calls", "failed", "prompt_tokens", "completion_tokens", "cost_usd")


def of_runs(one: Path, other: Path) -> dict[str, Any]:
    """`{kind: "runs", a, b, recipe, stages, calls, cost_usd, tasks, labels, grades}`.

    `recipe`: one `key.path: old -> new` each; `stages`: stage -> `{a, b}`, its counts in both, None where it is in one
    only; `calls`: `[{stage, model, a, b}, …]`; `tasks`: `{both, only_a, only_b}`; `labels` and `grades`: as
    `rows.compared` gives them, of labels as published. Raises `UserError` where a run or its recipe cannot be read.
    """
    places = [RunDirectory(path) for path in (one, other)]
    before, after = (place.manifest() for place in places)
    old, new = (as_plain(read_recipe(place.recipe(), environment=False)) for place in places)
    stages = [manifest.get("stages", {}) for manifest in (before, after)]
    tasks = [set(_tasks(place)) for place in places]
    return {
        "kind": "runs",
        "a": str(one),
        "b": str(other),
        "finished": {"a": before["finished"], "b": after["finished"]},
        "recipe": differences(old, new),
        "stages": {
            stage: {"a": stages[0].get(stage), "b": stages[1].get(stage)}
            for stage in dict.fromkeys([*stages[0], *stages[1]])
        },
        "calls": _calls(before, after),
        "cost_usd": {"a": before.get("cost_usd"), "b": after.get("cost_usd")},
        "tasks": {
            "both": len(tasks[0] & tasks[1]),
            "only_a": len(tasks[0] - tasks[1]),
            "only_b": len(tasks[1] - tasks[0]),
        },
        "labels": compared(*(_labels(place) for place in places)),
        "grades": compared(*(_grades(place) for place in places)),
    }


def _calls(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    told = [
        {(row["stage"], row["model"]): {key: row[key] for key in CALLS} for row in manifest.get("calls", ())}
        for manifest in (before, after)
    ]
    return [
        {"stage": stage, "model": model, "a": told[0].get((stage, model)), "b": told[1].get((stage, model))}
        for stage, model in sorted(told[0].keys() | told[1].keys())
    ]


def _tasks(place: RunDirectory) -> Iterator[str]:
    for number in range(place.parts()):
        table = part_columns(place.part(Task, number), ("id",))
        yield from table["id"].to_pylist() if table is not None else ()


def _labels(place: RunDirectory) -> Iterator[tuple[str, Labelled]]:
    lost = _lost(place, "verdicts")
    names = ("id", "comparison_id", "winner", "margin", "debiased", "scores")
    for number in range(place.parts()):
        label = place.path / LABELS / place.part(Verdict, number).name
        table = part_columns(label if label.exists() else place.part(Verdict, number), names)
        if table is None:
            continue
        for row in table.to_pylist():
            margin = row["margin"] if row.get("debiased") is None else row["debiased"]
            scores = tuple(row["scores"] or ()) if margin is None else (margin,)
            name = row["comparison_id"]
            yield name, Labelled(name, row["winner"], scores, row["id"] not in lost and bool(scores))


def _grades(place: RunDirectory) -> Iterator[tuple[str, Labelled]]:
    lost = _lost(place, "grades")
    names = ("id", "answer_id", "teacher", "judge", "with_reference", "sample", "score")
    for number in range(place.parts()):
        table = part_columns(place.part(Grade, number), names)
        if table is None:
            continue
        for row in table.to_pylist():
            scores = () if row["score"] is None else (row["score"],)
            key = f"{row['answer_id']} {row['teacher']} {row['judge']} {row['with_reference']} {row['sample']}"
            name = f"{row['answer_id']} by {row['teacher']}"
            yield key, Labelled(name, None, scores, row["id"] not in lost and bool(scores))


def _lost(place: RunDirectory, stage: str) -> set[str]:
    found: set[str] = set()
    for path in sorted((place.path / FOLDERS[Loss]).glob("*.parquet")):
        table = part_columns(path, ("stage", "row_id"))
        if table is not None:
            found.update(
                row
                for at, row in zip(*(table[name].to_pylist() for name in ("stage", "row_id")), strict=True)
                if at == stage
            )
    return found
