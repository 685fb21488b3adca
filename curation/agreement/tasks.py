"""Rows in groups: the pairs of one task stand or fall together, so intervals are made over tasks and not over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..logistic import Codes, Floats
from .estimate import Undefined


def codes(tasks: Sequence[str] | None, rows: int) -> Codes:
    """Which task each row belongs to, numbered from 0; without `tasks`, each row is one of its own.

    Raises `Undefined` without rows, `ValueError` where there are not as many tasks as rows.
    """
    if not rows:
        raise Undefined("no rows to measure")
    if tasks is None:
        return np.arange(rows)
    if len(tasks) != rows:
        raise ValueError(f"{rows} rows, but {len(tasks)} tasks")
    number: dict[str, int] = {}
    return np.array([number.setdefault(task, len(number)) for task in tasks])


def sums(table: Floats, places: Codes) -> Floats:
    """`table`, shape (rows, columns), summed over the rows of each task: (tasks, columns)."""
    total = np.zeros((int(places.max()) + 1, table.shape[1]))
    np.add.at(total, places, table)
    return total


def design_effect(residuals: Floats, places: Codes) -> float:
    """How many times wider than from single rows the variance of a sum of `residuals` is, at least 1.

    The linearised variance over ultimate clusters (Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992,
    chapter 4) by that of independent rows. Where there are no residuals to tell, rows of one task count as one.
    Raises `Undefined` for several rows of one task only.
    """
    rows, tasks = len(residuals), int(places.max()) + 1
    if rows == tasks:
        return 1.0
    if tasks < 2:
        raise Undefined("all rows belong to one task: there is nothing to make an interval from")
    alone = float(np.sum(residuals**2)) * rows / (rows - 1)
    if alone <= 0:
        return rows / tasks
    together = float(np.sum(sums(residuals[:, None], places) ** 2)) * tasks / (tasks - 1)
    return max(1.0, together / alone)
