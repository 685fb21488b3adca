"""Label noise: pairs whose winner contradicts what all other pairs say; people should look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from pydantic import Field

from ...schemas.rows import Example
from ..label_errors.confident import doubtful
from ..label_errors.features import Pairs
from . import ExampleSetFilter, Selection


class LabelNoise(ExampleSetFilter):
    """Flags pairs whose label is likely wrong, by confident learning (arXiv 1911.00068); drops none.

    A small model predicts each winner from pairs of other tasks, from how both answers did in the task's other pairs
    and from their grades, never from the pair's own verdict. It knows the answering models, so an answer that is better
    than its model's others is flagged, too, and so is a label that goes against a bias of the teachers: a flag is a
    reason to look, not one to drop. `prefmill review plan` takes flagged pairs first in the stratum `disagreement`.
    Where labels cannot be predicted, nothing is flagged, and the manifest says so.
    """

    most: float = Field(0.1, gt=0, le=1)
    """Share of the pairs that is flagged at most, those first whose label is least probable."""
    seed: int = 0
    """Draws the folds."""

    def choose(self, examples: Callable[[], Iterable[Example]]) -> Selection:
        pairs, columns = Pairs.read(examples())
        found = doubtful(columns, pairs.first_won, pairs.groups, self.seed)
        if isinstance(found, str):
            return Selection(told={"pairs": len(pairs.judged), "undefined": found})
        order = np.argsort(found.p_label, kind="stable")
        flagged = order[found.wrong[order]][: int(self.most * len(order))].tolist()
        why = {
            pairs.judged[row].key: f"{1 - found.p_label[row]:.0%} sure of the other answer without this verdict"
            for row in flagged
        }
        told = {
            "pairs": len(order),
            "predicted": round(found.accuracy, 4),
            "likely_wrong": int(found.wrong.sum()),
            "flagged": len(why),
        }
        return Selection(flagged=why, told=told)
