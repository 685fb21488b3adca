"""Isotonic regression: the rising step function nearest to some outcomes, by pooling adjacent violators.

Ayer et al., Annals of Mathematical Statistics 26(4), 1955; for calibration Zadrozny and Elkan, KDD 2002.
"""

from __future__ import annotations

import numpy as np

from .logistic import Floats


def isotonic(scores: Floats, outcomes: Floats) -> tuple[Floats, Floats]:
    """Knots of the curve: the scores at which its steps begin and end, rising, and the mean outcome of each step.

    `scores` and `outcomes`: shape (n,), n >= 1. Between two knots the curve is a straight line; beyond its ends it is
    level.
    """
    order = np.argsort(scores, kind="stable")
    at, first = np.unique(scores[order], return_index=True)
    steps: list[tuple[int, float, float, float]] = []  # labels, their sum, lowest and highest score
    for score, part in zip(at, np.split(outcomes[order], first[1:]), strict=True):
        step = (len(part), float(part.sum()), float(score), float(score))
        while steps and steps[-1][1] / steps[-1][0] >= step[1] / step[0]:
            before = steps.pop()
            step = (before[0] + step[0], before[1] + step[1], before[2], step[3])
        steps.append(step)
    knots = [(score, total / labels) for labels, total, low, high in steps for score in dict.fromkeys((low, high))]
    return np.array([knot for knot, _ in knots]), np.array([level for _, level in knots])
