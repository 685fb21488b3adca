"""Bootstrap over tasks, never over rows: pairs of one task stand or fall together.

The cluster bootstrap (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8): tasks are drawn
with replacement, and a task drawn twice counts twice with all its rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .logistic import Codes, Floats


def task_weights(tasks: Codes, repeats: int, seed: int) -> Iterator[Floats]:
    """For each of `repeats` draws how often every row counts, shape (n,); the same for the same seed.

    `tasks`: shape (n,), which task each row belongs to.
    """
    names, places = np.unique(tasks, return_inverse=True)
    draw = np.random.default_rng(seed)
    for _ in range(repeats):
        drawn = draw.integers(0, len(names), len(names))
        yield np.bincount(drawn, minlength=len(names)).astype(np.float64)[places]
