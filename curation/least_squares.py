"""Least squares through the origin, with standard errors clustered by task.

The covariance is the sandwich's with the correction G / (G - 1) * (N - 1) / (N - K), and intervals are Student's with
G - 1 degrees of freedom, for G tasks, N rows and K columns: with the normal's, intervals of some 30 tasks are too short
(Cameron and Miller, Journal of Human Resources 50(2), 2015, sections II and VI).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from .agreement.tasks import codes, sums
from .interval import Interval
from .logistic import Floats

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Effect:
    """A constant that was estimated from pairs."""

    value: float
    """In scores on the judge's scale, or as its holder says."""
    error: float
    """Standard error, clustered by task."""
    pairs: int
    """Pairs that tell of it."""
    tasks: int
    """Tasks that these come from."""

    @property
    def interval(self) -> Interval:
        """95 %."""
        reach = student(self.tasks - 1) * self.error
        return Interval(self.value, self.value - reach, self.value + reach)


def through_origin(columns: Floats, margins: Floats, tasks: Sequence[str]) -> list[Effect]:
    """The coefficient of each column, shape (n, k), in a regression of `margins`, shape (n,).

    `pairs` of an effect counts the rows in which its column is not 0, `tasks` those of all rows. Raises `ValueError`
    where columns repeat each other, where there are no more rows than columns, or where all rows belong to one task.
    """
    rows, size = columns.shape
    groups = len(set(tasks))
    if rows <= size or groups < 2:
        raise ValueError(f"{rows} rows of {groups} tasks are too few for {size} effects")
    if np.linalg.matrix_rank(columns) < size:
        raise ValueError("the columns repeat each other")
    bread = np.linalg.inv(columns.T @ columns)
    found = bread @ columns.T @ margins
    scores = sums(columns * (margins - columns @ found)[:, None], codes(tasks, rows))
    scale = groups / (groups - 1) * (rows - 1) / (rows - size)
    variances = np.diag(bread @ scores.T @ scores @ bread) * scale
    return [
        Effect(float(found[place]), sqrt(max(0.0, variances[place])), int(np.count_nonzero(column)), groups)
        for place, column in enumerate(columns.T)
    ]


def student(freedom: int) -> float:
    """The 97.5th percentile of Student's t, to 1 % from 3 degrees of freedom on (Abramowitz and Stegun, 26.7.5)."""
    terms = (
        (_Z**3 + _Z) / 4,
        (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96,
        (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384,
    )
    return _Z + sum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))
