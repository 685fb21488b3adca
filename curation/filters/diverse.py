"""Diversity: the tasks that cover a source best, where there is no money for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ...schemas.rows import Task
from ..balance.raking import Margin
from ..balance.shares import at_least
from ..coverage import distances, k_center
from ..duplicates.bags import bags
from ..duplicates.of_tasks import Compared, Passed
from ..duplicates.sets import TextSets
from ..logistic import Codes
from . import Selection, TaskSetFilter

_NONE = "none"


class Diverse(TaskSetFilter):
    """Keeps the tasks that lie nearest to all others, by k-center greedy over hashed words; drops the others.

    Tasks go before any answer is paid for. Farthest first takes what is unlike all else, which includes noise: clean
    the source first. Words in any order say what a task is about, and not how hard it is.
    """

    keep: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)]
    """How many tasks stay; below 1, which share of them."""
    quota: Literal["proportional", "even", "none"] = "proportional"
    """How many of each category stay: by its size; the same number of each, where there are as many; or whatever is
    unlike the rest, without regard to categories."""
    compared: Compared = "chat"
    """`chat`: all turns, without the system prompt; `instruction`: the user's last message alone."""

    def choose(self, tasks: Iterable[Task]) -> Selection:
        passed, categories = Passed(), list[str]()
        with TextSets(ngram=1) as sets:
            sets.add(passed.texts(self._noted(tasks, categories), self.compared))
            count = len(passed.ids)
            most = min(count, at_least(self.keep, count) if isinstance(self.keep, float) else self.keep)
            if most == count:
                return Selection(told={"tasks": count, "kept": count})
            vectors = bags(sets)
        names = list(dict.fromkeys(categories))
        codes = np.array([names.index(name) for name in categories])
        chosen: list[int] = []
        told: dict[str, dict[str, int]] = {}
        for code, quota in enumerate(self._quotas(codes, most)):
            members = np.flatnonzero(codes == code)
            if quota:
                chosen += members[k_center(vectors[members], quota)].tolist()
            told[names[code]] = {"tasks": len(members), "kept": quota}
        away = distances(vectors, chosen)
        stays = set(chosen)
        return Selection(
            dropped={
                name: f"{away[place]:.3f} from a task that stays (1 - cosine)"
                for place, name in enumerate(passed.ids)
                if place not in stays
            },
            told={
                "tasks": count,
                "kept": most,
                "radius": round(float(away.max()), 4),
                "mean_distance": round(float(away.mean()), 4),
                "categories": _sorted(told),
            },
        )

    def _noted(self, tasks: Iterable[Task], categories: list[str]) -> Iterator[Task]:
        for task in tasks:
            categories.append(_NONE if self.quota == "none" else task.category or _NONE)
            yield task

    def _quotas(self, codes: Codes, most: int) -> list[int]:
        """How many of each category stay; together `most`."""
        sizes = np.bincount(codes).astype(np.float64)
        shares = sizes / sizes.sum() if self.quota == "proportional" else np.full(len(sizes), 1 / len(sizes))
        wanted = Margin(np.arange(len(sizes)), shares).wanted(sizes, most / sizes.sum())
        whole = np.floor(wanted + 1e-9)
        # What rounding down leaves goes to the largest remainders.
        more = np.argsort(-(wanted - whole), kind="stable")[: most - int(whole.sum())]
        whole[more] += 1
        return [int(quota) for quota in whole]


def _sorted(told: Mapping[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return dict(sorted(told.items()))
