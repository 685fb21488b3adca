"""Directories of finished runs, made of rows and no model: what can be published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from prefmill.pipelines.recipe import as_yaml
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.rundir import FOLDERS, RunDirectory
from prefmill.schemas.row import Row
from prefmill.schemas.rows import Answer, Comparison, Judgment, Message, Reference, Task, Verdict

MODELS = ("mistral-7b-instruct", "qwen2.5-7b-instruct")
TEACHER = "qwen3-32b"


def finished_run(
    path: Path,
    *,
    tasks: int = 40,
    licences: Sequence[str | None] = ("cc-by-4.0",),
    models: tuple[str, str] = MODELS,
    teacher: str = TEACHER,
    simulated: bool = False,
    manifest: Mapping[str, Any] | None = None,
    **recipe: object,
) -> RunDirectory:
    """A run of `tasks` pairs; every eighth is a tie, every third question has a reference, two tasks ask one question.

    Licences are dealt out to the tasks in turn; keywords are keys of the recipe.
    """
    path.mkdir(parents=True, exist_ok=True)
    directory = RunDirectory(path)
    provider = (
        {"provider": "simulated"} if simulated else {"provider": "openai", "base_url": "https://llm.example.org/v1"}
    )
    text = {
        "name": "mine",
        "seed": 5,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**provider, "model": model, "sampling": {"temperature": 0.7}} for model in models],
        "judge": {"judge": "judgelm", "protocol": "both_orders", "teachers": [{**provider, "model": teacher}]},
        "filters": ["refusals"],
        "exports": [{"format": "judgelm", "val_share": 0.2}, {"format": "preference", "test_share": 0.2}],
        **recipe,
    }
    (path / "written.yaml").write_text(yaml.safe_dump(text))
    (path / "recipe.yaml").write_text(as_yaml(read_recipe(path / "written.yaml", environment=False)))
    (path / "written.yaml").unlink()
    rows: dict[type[Row], list[Row]] = {kind: [] for kind in FOLDERS}
    for place in range(tasks):
        for row in _rows(
            place, licences[place % len(licences)], models, teacher, "simulated" if simulated else "openai"
        ):
            rows[type(row)].append(row)
    for kind, some in rows.items():
        directory.write(kind, 0, some)
    counts = {"in": tasks, "kept": tasks, "dropped": {}, "failed": {}}
    call = {"calls": tasks, "failed": 1, "attempts": tasks, "prompt_tokens": 700, "completion_tokens": 90}
    directory.write_manifest(
        {
            "name": "mine",
            "prefmill": "0.1.0",
            "simulated": simulated,
            "seed": 5,
            "started": "2026-11-20T10:00:00+00:00",
            "ended": "2026-11-20T10:05:00+00:00",
            "finished": True,
            "stages": {"tasks": counts, "verdicts": {**counts, "in": tasks + 3, "dropped": {"minimum_margin": 3}}},
            "this_time": {"sent": 1, "found": 2, "seconds": 3.0},
            "calls": [{"stage": "judgments", "model": teacher, **call, "cost_usd": None}],
            "cost_usd": None,
            **(manifest or {}),
        }
    )
    return directory


def _rows(place: int, licence: str | None, models: tuple[str, str], teacher: str, origin: str) -> list[Row]:
    question = f"Question {place - place % 10 if place % 10 == 1 else place}, für wen?"  # 0 and 1 ask the same
    task = Task(
        source_id=str(place),
        messages=(Message(role="user", content=question),),
        licence=licence,
        reference=Reference(text="So.") if place % 3 == 0 else None,
    )
    answers = tuple(
        Answer(task_id=task.id, model=model, text=f"{model} says {place}", origin=origin) for model in models
    )
    comparison = Comparison(task_id=task.id, answer_ids=tuple(answer.id for answer in answers), models=models)
    scores = (7.0, 7.0) if place % 8 == 0 else ((9.0, 4.0) if place % 2 else (3.0, 8.0))
    judgments = tuple(
        Judgment(
            comparison_id=comparison.id,
            task_id=task.id,
            teacher=teacher,
            judge="judgelm",
            shown=shown,
            with_reference=task.reference is not None,
            scores=tuple(scores[index] for index in shown),
            rationale="As one sees.",
            raw="…",
            origin=origin,
        )
        for shown in ((0, 1), (1, 0))
    )
    verdict = Verdict(
        comparison_id=comparison.id,
        task_id=task.id,
        protocol="both_orders",
        judgment_ids=tuple(judgment.id for judgment in judgments),
        winner="tie" if scores[0] == scores[1] else "first" if scores[0] > scores[1] else "second",
        margin=scores[0] - scores[1],
        consistent=True,
    )
    return [task, *answers, comparison, *judgments, verdict]
