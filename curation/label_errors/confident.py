"""Confident learning: which labels contradict predictions that were made without them.

Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70, 2021 (arXiv
1911.00068), sections 3.1 and 3.2: a row counts as another class than its label where its out-of-sample probability of
that class is at least the mean of the rows that are labelled so (the confident joint); those are the rows that the
method C_confusion finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ...schemas.row import digest
from ..logistic import Floats, coefficients, probability

FOLDS = 5
PENALTY = 1.0
"""Of the ridge: a normal prior of deviation 1 logit on each coefficient."""
FEWEST = 100
"""Labels below which nothing is predicted."""
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be said of n labels."""

    p_label: Floats
    """Shape (n,): out-of-fold probability of the label that a row has."""
    wrong: NDArray[np.bool_]
    """Shape (n,): rows that count as the other class."""
    accuracy: float
    """Share of the labels that are the more probable ones."""


def doubtful(columns: Floats, labels: Floats, groups: Sequence[str], seed: int = 0) -> Found | str:
    """Which of the `labels`, 0 or 1 of shape (n,), are likely wrong, or one line on why that cannot be said.

    `columns`: shape (n, k), each changing its sign where the two classes change places. `groups`: rows of one group are
    in one fold. A model that predicts labels no better than a coin would flag rows at random: then nothing is said.
    """
    count = len(labels)
    if count < FEWEST:
        return f"{count} labels are too few to predict any from the others: {FEWEST} are needed"
    folds = np.array([int(digest("label_noise", seed, group), 16) % FOLDS for group in groups])
    first = np.empty(count)
    for fold in range(FOLDS):
        out = folds == fold
        if out.all():
            return "all labels are of one group of tasks"
        found = coefficients(columns[~out], labels[~out], penalty=PENALTY)
        first[out] = probability(columns[out] @ found)
    p_label = np.where(labels == 1, first, 1 - first)
    accuracy = float(np.mean(p_label > 0.5))
    # As many rows as groups tell: pairs of one task do not err independently.
    if accuracy - _Z * sqrt(0.25 / len(set(groups))) <= 0.5:
        return f"labels cannot be predicted from the others: {accuracy:.3f} are, and half would be by chance"
    usual = {one: float(np.mean(p_label[labels == one])) if (labels == one).any() else 1.0 for one in (0, 1)}
    # Of two classes that a row counts as, it is the more probable one.
    wrong = (1 - p_label >= np.where(labels == 1, usual[0], usual[1])) & (p_label < 0.5)
    return Found(p_label, wrong, accuracy)
