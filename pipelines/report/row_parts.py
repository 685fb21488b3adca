"""Rows of a run's parts by their task, as plain values: what a page tells of a row is not checked again as a row.

One part is in memory at a time. A loss without a task's row, such as a source line that is no task, has a `Told` of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...schemas.row import Row
from ...schemas.rows import Answer, Comparison, Grade, Judgment, Loss, Review, Task, Verdict
from ..part_columns import part_columns
from ..reviews import collected
from ..rundir import LABELS, RunDirectory

Plain = dict[str, Any]

COLUMNS: Mapping[type[Row], Sequence[str]] = {
    Task: ("id", "source_id", "messages", "category", "licence", "reference", "rubric", "source", "line"),
    Answer: (
        "id", "task_id", "model", "sample", "intended", "text", "finish_reason", "usage", "failure",
    ),
    Comparison: ("id", "task_id", "answer_ids", "models"),
    Judgment: (
        "id", "comparison_id", "task_id", "teacher", "judge", "shown", "with_reference", "own_reference", "sample",
        "scores", "expected", "rationale", "aspects", "raw", "usage", "failure",
    ),
    Grade: (
        "id", "answer_id", "task_id", "teacher", "judge", "with_reference", "sample", "score", "feedback", "raw",
        "usage", "failure",
    ),
    Verdict: (
        "id", "comparison_id", "task_id", "protocol", "judgment_ids", "winner", "margin", "scores", "debiased",
        "confidence", "consistent", "flags", "failure",
    ),
    Review: (
        "comparison_id", "task_id", "annotator", "winner", "strength", "ratings", "criteria", "comment", "seconds",
        "stratum",
    ),
    Loss: ("stage", "status", "row_id", "task_id", "by", "reason", "detail"),
}  # fmt: skip
"""What is read of each kind of row."""


@dataclass
class Told:
    """All rows of one task, in canonical order. `labels`: verdicts as published, by their comparison."""

    id: str
    task: Plain | None = None
    answers: list[Plain] = field(default_factory=list)
    comparisons: list[Plain] = field(default_factory=list)
    judgments: list[Plain] = field(default_factory=list)
    grades: list[Plain] = field(default_factory=list)
    verdicts: list[Plain] = field(default_factory=list)
    labels: dict[str, Plain] = field(default_factory=dict)
    reviews: list[Plain] = field(default_factory=list)
    losses: list[Plain] = field(default_factory=list)


_LISTS: Mapping[type[Row], str] = {
    Answer: "answers", Comparison: "comparisons", Judgment: "judgments", Grade: "grades", Verdict: "verdicts",
    Review: "reviews", Loss: "losses",
}  # fmt: skip


def told(place: RunDirectory) -> Iterator[Told]:
    """The rows of each task in the order of the source; after those of a part, losses without a task's row."""
    people: dict[str, list[Plain]] = {
        comparison: [review.model_dump() for review in some] for comparison, some in collected(place).items()
    }
    late: dict[str, list[Plain]] = {}
    for loss in place.late_losses():
        late.setdefault(loss.task_id or loss.row_id, []).append(loss.model_dump())
    for number in range(place.parts()):
        yield from _part(place, number, people, late)
    for name, losses in late.items():
        yield Told(name, losses=losses)


def some_told(place: RunDirectory, number: int, most: int) -> Iterator[Told]:
    """Of part `number` at most so many tasks, evenly spread, without what people said later."""
    tasks = part_columns(place.part(Task, number), ("id",))
    ids = tasks["id"].to_pylist() if tasks is not None else []
    yield from _part(place, number, {}, {}, ids[:: -(-len(ids) // most) or 1])


def _part(
    place: RunDirectory,
    number: int,
    people: Mapping[str, Sequence[Plain]],
    late: dict[str, list[Plain]],
    only: Sequence[str] | None = None,
) -> Iterator[Told]:
    found = {row["id"]: Told(row["id"], row) for row in _rows(place.part(Task, number), Task, only)}
    for kind, name in _LISTS.items():
        for row in _rows(place.part(kind, number), kind, only):
            task_id = row["task_id"] or row["row_id"]
            getattr(found.setdefault(task_id, Told(task_id)), name).append(row)
    for row in _rows(place.path / LABELS / place.part(Verdict, number).name, Verdict, only):
        found[row["task_id"]].labels[row["comparison_id"]] = row
    for one in found.values():
        one.losses += late.pop(one.id, [])
        for comparison in one.comparisons:
            one.reviews += people.get(comparison["id"], ())
        yield one


def _rows(path: Path, kind: type[Row], only: Sequence[str] | None) -> list[Plain]:
    table = part_columns(path, COLUMNS[kind])
    if table is None:
        return []
    if only is not None:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = table.filter(pc.is_in(table["id" if kind is Task else "task_id"], pa.array(only, pa.string())))
    missing = dict.fromkeys(name for name in COLUMNS[kind] if name not in table.column_names)
    return [missing | row for row in table.to_pylist()]
