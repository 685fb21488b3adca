"""Pair policy: which of a task's judged pairs are published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import Field

from ...schemas.row import digest
from ...schemas.rows import Example
from ..standings import Judged, judged, standings
from . import ExampleSetFilter, Selection


class PairPolicy(ExampleSetFilter):
    """Keeps some of the judged pairs of each task, by how its answers stand; the others are dropped.

    `best_worst` (one pair a task, the widest) is right most often and teaches least about close calls; `best_random`
    (the best answer against one drawn from those it beat) is how Tulu 3 (arXiv 2411.15124) and UltraFeedback-binarized
    choose; `all` keeps every pair. A pair is kept only where its own verdict agrees with the standings, so ties go,
    save under `all`. Comparisons of more than two answers are left alone: a format that makes pairs of them, such as
    `ultrafeedback_binarized`, chooses by settings of its own.
    """

    keep: Literal["best_worst", "best_random", "all"] = "best_worst"
    """Which pairs of a task are kept. Where the best and the worst answer did not meet, `best_worst` is the pair whose
    answers stand furthest apart of those that did."""
    margin: float = Field(0, ge=0)
    """Least |margin| of a pair, on the judge's scale. Pairs below it are dropped, and still count for the standings."""
    seed: int = 0
    """Draws the pair of `best_random`."""

    def choose(self, examples: Callable[[], Iterable[Example]]) -> Selection:
        tasks: dict[str, list[Judged]] = {}
        for example in examples():
            if example.comparison is not None and example.verdict is not None:
                pair = judged(example.comparison, example.verdict)
                if pair is not None:
                    tasks.setdefault(example.task_id, []).append(pair)
        dropped: dict[str, str] = {}
        for task, pairs in tasks.items():
            wide = [pair for pair in pairs if abs(pair.margin) >= self.margin]
            kept = set(wide) if self.keep == "all" else self._one(task, pairs, wide)
            for pair in pairs:
                if abs(pair.margin) < self.margin:
                    dropped[pair.key] = f"margin {pair.margin:+g}"
                elif pair not in kept:
                    dropped[pair.key] = f"{self.keep}: {self._why(len(pairs), bool(kept))}"
        told = {
            "pairs": sum(map(len, tasks.values())),
            "kept": sum(map(len, tasks.values())) - len(dropped),
            "tasks": len(tasks),
            "tasks_without_a_pair": sum(all(pair.key in dropped for pair in pairs) for pairs in tasks.values()),
        }
        return Selection(dropped=dropped, told=told)

    def _one(self, task: str, pairs: Sequence[Judged], wide: Sequence[Judged]) -> set[Judged]:
        """The pair of a task that is kept; empty where none will do."""
        stand = standings(pairs)

        def gap(pair: Judged) -> float:
            apart = stand[pair.first] - stand[pair.second]
            return apart if pair.margin > 0 else -apart

        agreed = [pair for pair in wide if pair.winner is not None and gap(pair) > 0]
        if not agreed:
            return set()
        drawn = {pair: digest("pair_policy", self.seed, task, pair.key) for pair in agreed}
        if self.keep == "best_worst":
            return {max(agreed, key=lambda pair: (gap(pair), abs(pair.margin), drawn[pair]))}
        best = max((pair.winner or "" for pair in agreed), key=lambda answer: (stand[answer], answer))
        return {min((pair for pair in agreed if pair.winner == best), key=drawn.__getitem__)}

    @staticmethod
    def _why(pairs: int, kept: bool) -> str:
        return f"another of the task's {pairs:,} pairs" if kept else f"none of the task's {pairs:,} pairs has a winner"
