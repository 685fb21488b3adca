"""Making the grid of a run even: as many answers of every intended score, of like length (`generators/authoring/grid`).

It looks at all rows of a run at once, so it comes after the stages and before the exports; what it drops is in
`dropped/` like anything else.
"""

from __future__ import annotations

from typing import Any

from ..generators.authoring.grid import Entry, Grid, balance, group_of
from ..schemas.rows import Example, Loss, Task
from .examples import examples
from .rundir import RunDirectory

BY = "flat"


def flatten(place: RunDirectory, scores: tuple[int, ...]) -> tuple[Grid, list[Loss]]:
    """The even grid of a run's graded answers, and a loss for each grade that does not go on.

    One answer fills a cell: of several that the judge confirmed, the first.
    """
    entries: list[Entry] = []
    filled: set[tuple[str, str, int]] = set()
    grades: dict[str, Example] = {}
    spare: list[str] = []
    # Of every task: one none of whose answers was kept is missing, too.
    groups = dict.fromkeys(group_of(task) for part in range(place.parts()) for task in place.rows(Task, part))
    for example in examples(place):
        (answer, *others) = example.answers
        if others or answer.intended is None or answer.text is None:
            continue
        group = group_of(example.task)
        grades[answer.id] = example
        cell = (*group, answer.intended)
        if cell in filled:
            spare.append(answer.id)
        else:
            filled.add(cell)
            entries.append(Entry(answer.id, group, answer.intended, len(answer.text.split())))
    grid = balance(entries, list(groups), scores)
    dropped = [(answer, "cell_is_filled") for answer in spare] + list(grid.dropped)
    losses = [loss for answer, reason in dropped for loss in _losses(grades[answer], reason)]
    return grid, losses


def _losses(example: Example, reason: str) -> list[Loss]:
    (answer,) = example.answers
    detail = f"intended {answer.intended}, {len((answer.text or '').split())} words"
    return [
        Loss(
            stage="grades",
            status="dropped",
            row_id=grade.id,
            task_id=example.task_id,
            by=BY,
            reason=reason,
            detail=detail,
        )
        for grade in example.grades
    ]


def told(grid: Grid) -> dict[str, Any]:
    """The grid for the manifest."""
    return {
        "rows": {str(score): rows for score, rows in grid.counts.items()},
        "mean_words": {str(score): round(words, 1) for score, words in grid.lengths.items()},
        "tilt": round(grid.tilt, 4),
        "length_gap": round(grid.length_gap, 4),
        "missing": [f"{cell.group.rubric}/{cell.group.instruction} score {cell.score}" for cell in grid.missing],
    }
