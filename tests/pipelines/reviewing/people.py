"""Runs over the simulated world for people to review, and simulated people who label the files that they get."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_winner
from prefmill.pipelines.reviewing.store import Handed, Planned, ReviewStore
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Verdict

WORLD = 31
TASKS = 130
MODELS = ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")


def write_recipe(folder: Path, **changes: Any) -> Path:  # noqa: ANN401 - recipe keys
    """Three pairs of each task, judged by a cheap teacher in both orders; the first eight tasks are the only maths."""
    lines = [
        json.dumps({"id": f"q{n}", "instruction": f"What does part {n} do?", "category": "maths" if n < 8 else "rest"})
        for n in range(TASKS)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(lines) + "\n")
    simulated = {"provider": "simulated", "max_in_flight": 64}
    recipe = {
        "name": "people",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**simulated, "model": model, "sampling": {"temperature": 0.7}} for model in MODELS],
        "compare": {"pairs": "all"},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{**simulated, "model": "sim-teacher-cheap-1", "sampling": {"temperature": 0}}],
        },
        "probes": {"share": 0, "first": 100},
        "exports": ["preference"],
        "world": {"seed": WORLD},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in recipe.items() if value is not None}))
    return path


def settle(directory: Path, **review: Any) -> None:  # noqa: ANN401 - recipe keys
    """Give a finished run's recipe a `review:` block."""
    path = directory / "recipe.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "review": review}))


def rows(directory: Path, kind: type[Any]) -> list[Any]:
    place = RunDirectory(directory)
    return [row for part in range(place.parts()) for row in place.rows(kind, part)]


def planned(directory: Path) -> list[Planned]:
    return ReviewStore(RunDirectory(directory)).planned()


def handed(directory: Path) -> dict[str, Handed]:
    """Record -> what was handed out."""
    return {row.record_id: row for row in ReviewStore(RunDirectory(directory)).handed()}


def truth(directory: Path) -> dict[str, str]:
    """Comparison -> the winner in the world."""
    text = {answer.id: answer.text for answer in rows(directory, Answer)}
    settings = WorldSettings(seed=WORLD)
    return {
        comparison.id: true_winner(settings, *(text[answer] for answer in comparison.answer_ids))
        for comparison in rows(directory, Comparison)
    }


def right(directory: Path) -> dict[str, str]:
    """Comparison -> the winner that somebody who is never wrong would name, gold pairs included."""
    return {**truth(directory), **{row.comparison_id: row.right for row in planned(directory) if row.right}}


def raw(directory: Path) -> dict[str, str | None]:
    """Comparison -> the teachers' winner."""
    return {verdict.comparison_id: verdict.winner for verdict in rows(directory, Verdict)}


def choice(winner: str, shown: tuple[int, int]) -> str:
    """How somebody who sees the answers in this order says it."""
    if winner == "tie":
        return "tie"
    return "AB"[shown.index(("first", "second").index(winner))]


def label(
    directory: Path,
    annotator: str,
    says: Callable[[Handed], str | None],
    *,
    first: int | None = None,
    seconds: float = 30.0,
    besides: Callable[[Handed], dict[str, Any]] = lambda row: {},
) -> Path:
    """The file that an annotator downloads after deciding their records, or the `first` of them.

    `besides`: further keys of a label.
    """
    own = handed(directory)
    lines = (directory / "review" / "desk" / f"{annotator}.jsonl").read_text().splitlines()
    path = directory.parent / f"people-{annotator}.jsonl"
    labels = [
        {
            "record_id": name,
            "annotator": annotator,
            "choice": says(own[name]),
            "seconds": seconds,
            "at": 1.0,
            **besides(own[name]),
        }
        for name in [json.loads(line)["record_id"] for line in lines][:first]
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in labels))
    return path


def mostly_right(directory: Path, accuracy: float, seed: int) -> Callable[[Handed], str]:
    """Somebody who names the right winner with probability `accuracy`, else the other answer."""
    winners, draw = right(directory), random.Random(seed)
    other = {"first": "second", "second": "first"}

    def says(row: Handed) -> str:
        winner = winners[row.comparison_id]
        return choice(winner if draw.random() < accuracy else other[winner], row.shown)

    return says
