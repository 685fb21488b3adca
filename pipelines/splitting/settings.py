"""The recipe's `split:` block: what is on one side of train and test, and what is held out whatever is drawn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...schemas.frozen import Frozen


class HoldOut(Frozen):
    """What no model is to be trained on, so that a judge can be tested on what it has never seen."""

    models: tuple[str, ...] = ()
    """Names of answering models. Examples with an answer of theirs are in the held-out part, or dropped where others of
    their group are trained on."""
    rubrics: tuple[str, ...] = ()
    """Criteria of rubrics, as they stand in the tasks. Tasks with one of them are held out, with all of their group."""

    def __bool__(self) -> bool:
        return bool(self.models or self.rubrics)


class Splitting(Frozen):
    """How a run's examples are divided. All of it may change under an existing run directory.

    The expected size of the held-out part is in the formats' own settings; a format that holds out less holds out a
    part of what one with a larger share does.
    """

    by: Literal["clusters", "question"] = "clusters"
    """`clusters`: near duplicates are on one side; `question`: only tasks that ask the same, to the letter."""
    threshold: float = Field(0.7, gt=0, le=1)
    """Jaccard index of word 3-grams from which on two tasks are near duplicates, as in the filter `near_duplicates`."""
    hold_out: HoldOut = HoldOut()
    """What is in no training file."""
