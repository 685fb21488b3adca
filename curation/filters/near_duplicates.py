"""Near duplicates: tasks most of whose phrases are those of another task."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from ...schemas.rows import Task
from ..duplicates.near import NGRAM, THRESHOLD, near_duplicates
from ..duplicates.of_tasks import Compared, Passed, Preferred
from ..duplicates.sets import TextSets
from . import Selection, TaskSetFilter


class NearDuplicates(TaskSetFilter):
    """Drops tasks whose sets of word n-grams have a Jaccard index of at least `threshold` with that of one that stays.

    Indexes are counted, not estimated. A task that goes is alike to one that stays, whose id is in the reason; so a
    chain of small changes is not dropped to its first link. No two that stay are alike, unless the manifest's
    `pairs_not_compared` is above 0: of many tasks made from one template, some pairs are left out. Tasks with different
    rubrics are different. A text of fewer than `ngram` words is a near duplicate only of the same words; in scripts
    without spaces, a character counts as a word.
    """

    threshold: float = Field(THRESHOLD, gt=0, le=1)
    """Jaccard index from which on two tasks are near duplicates; 1 is the same n-grams."""
    ngram: int = Field(NGRAM, ge=1, le=20)
    """Words in an n-gram."""
    compared: Compared = "chat"
    """`chat`: all turns, without the system prompt; `instruction`: the user's last message alone."""
    keep: Preferred = "first"
    """Which one stays: the `first` of the source, the first with a `reference`, or the `longest`."""

    def choose(self, tasks: Iterable[Task]) -> Selection:
        passed = Passed()
        with TextSets(self.ngram) as sets:
            sets.add(passed.texts(tasks, self.compared))
            found = near_duplicates(sets, self.threshold, passed.order(self.keep), passed.groups)
        dropped = {
            passed.ids[text]: f"Jaccard {found.likeness[text]:.3f} with {kept}"
            for text in np.flatnonzero(found.of >= 0).tolist()
            if (kept := passed.ids[found.of[text]]) != passed.ids[text]
        }
        told = {
            "tasks": len(passed.ids),
            "dropped": len(dropped),
            "clusters": int(np.count_nonzero(np.bincount(found.clusters) > 1)),
            "pairs_not_compared": found.skipped,
        }
        return Selection(dropped=dropped, told=told)
