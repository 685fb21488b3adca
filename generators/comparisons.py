"""Which answers meet, and in which order. Both are drawn by hashing, so that no draw depends on another.

A pair is drawn among the *slots* of a task, one for each model and sample of the recipe, whether or not that answer
exists in the end. What failed elsewhere, how long a call took or what a text says therefore changes no other pair, and
neither does a model added to the recipe change who comes first in the pairs that were there before.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import combinations
from math import comb
from typing import Literal, Self

from pydantic import Field, model_validator

from ..schemas.errors import known
from ..schemas.frozen import Frozen
from ..schemas.row import digest
from ..schemas.rows import Answer, Comparison, Loss, Task

Pair = tuple[Answer, Answer]


class Baseline(Frozen):
    """Every answer meets the answer of one model."""

    baseline: str
    """Name of the model that all others are compared with."""


class Compare(Frozen):
    """Which pairs of a task's answers are judged: the recipe's `compare` block."""

    pairs: Literal["random", "all", "together", "none"] | Baseline = "random"
    """`random`: `per_task` pairs of each task; `all`: every pair; `{baseline: MODEL}`: that model against each other;
    `together`: all usable answers of a task in one comparison (needs a protocol for more than two, such as
    `listwise`); `none`: answers are only graded.

    Two samples of one model may meet in `random` and `all`.
    """
    per_task: int = Field(1, ge=1)
    """Pairs of each task, for `random`; fewer where there are not so many."""

    @model_validator(mode="after")
    def _only_random_counts(self) -> Self:
        if self.per_task != 1 and self.pairs != "random":
            raise ValueError(f"per_task is for `pairs: random` only (got {self.per_task})")
        return self

    @property
    def baseline(self) -> str | None:
        """Name of the baseline, where there is one."""
        return self.pairs.baseline if isinstance(self.pairs, Baseline) else None

    def wanted(self, models: Sequence[str]) -> int:
        """How many pairs a task is to have; for every task, kept + failed is this number.

        `models`: the model's name for each slot of a task, a model with three samples thrice. Raises `ValueError` where
        the baseline is none of them.
        """
        if self.pairs == "none":
            return 0
        if self.pairs == "together":
            return int(len(models) > 1)
        if self.baseline is not None:
            own = sum(model == self.baseline for model in models)
            if not own:
                raise ValueError(f"no answers of baseline {self.baseline!r}. {known(self.baseline, set(models))}")
            return own * (len(models) - own)
        pairs = comb(len(models), 2)
        return pairs if self.pairs == "all" else min(self.per_task, pairs)


def draw(
    compare: Compare, task: Task, slots: Sequence[Answer], seed: int, usable: Container[str]
) -> tuple[list[Comparison], list[Loss]]:
    """The comparisons of one task, and a loss for each wanted pair that cannot be made.

    `slots`: all answers of the task in recipe order, failed and dropped ones included; `usable`: ids of those that may
    be compared. `random` takes the first pairs of a shuffled list whose answers are both usable, so a failed answer
    costs a pair only where no other is left. Answers with the same text are compared like any others.
    """
    count = compare.wanted([slot.model for slot in slots])
    if not count:
        return [], []
    if compare.pairs == "together":
        return _together(task, slots, seed, usable)
    pairs = _candidates(compare, slots)
    lost: list[tuple[int, str]]
    if compare.pairs == "random":
        pairs.sort(key=lambda pair: _draw("pair", seed, task, pair))
        made = [pair for pair in pairs if not _unusable(pair, usable)][:count]
        lost = [(number, f"no pair left: {_unusable(slots, usable)}") for number in range(len(made), count)]
    else:
        made = [pair for pair in pairs if not _unusable(pair, usable)]
        lost = [(number, why) for number, pair in enumerate(pairs) if (why := _unusable(pair, usable))]
    return [_ordered(task, pair, seed) for pair in made], [_lost(task, number, why) for number, why in lost]


def given(
    comparison: Comparison, task: Task, slots: Sequence[Answer], usable: Container[str]
) -> tuple[list[Comparison], list[Loss]]:
    """A comparison that came with the task, as `draw` gives it: lost where one of its answers cannot be compared."""
    why = _unusable(slots, usable)
    return ([], [_lost(task, 0, why)]) if why else ([comparison], [])


def _together(
    task: Task, slots: Sequence[Answer], seed: int, usable: Container[str]
) -> tuple[list[Comparison], list[Loss]]:
    """All usable answers in an order drawn from the seed; lost where fewer than two are usable."""
    found = [slot for slot in slots if slot.id in usable]
    if len(found) < 2:
        return [], [_lost(task, 0, _unusable(slots, usable))]
    found.sort(key=lambda slot: digest("order", seed, task.id, slot.model, slot.sample))
    ids, models = tuple(slot.id for slot in found), tuple(slot.model for slot in found)
    return [Comparison(task_id=task.id, answer_ids=ids, models=models)], []


def _candidates(compare: Compare, slots: Sequence[Answer]) -> list[Pair]:
    """Every pair that may be drawn, in recipe order."""
    pairs = list(combinations(slots, 2))
    if compare.baseline is None:
        return pairs
    return [pair for pair in pairs if [slot.model for slot in pair].count(compare.baseline) == 1]


def _draw(what: str, seed: int, task: Task, pair: Pair) -> int:
    """64 uniform bits for a pair of slots, whichever of the two is named first."""
    names = sorted((slot.model, slot.sample) for slot in pair)
    return int(digest(what, seed, task.id, names), 16)


def _ordered(task: Task, pair: Pair, seed: int) -> Comparison:
    first, second = sorted(pair, key=lambda slot: (slot.model, slot.sample))
    if _draw("order", seed, task, pair) % 2:
        first, second = second, first
    return Comparison(task_id=task.id, answer_ids=(first.id, second.id), models=(first.model, second.model))


def _unusable(slots: Sequence[Answer], usable: Container[str]) -> str:
    """Which of the slots cannot be compared, and why; empty where all can."""
    found = [
        f"{slot.model} sample {slot.sample}: {slot.failure.kind if slot.failure else 'dropped'}"
        for slot in slots
        if slot.id not in usable
    ]
    return "; ".join(found)


def _lost(task: Task, number: int, detail: str) -> Loss:
    return Loss(
        stage="comparisons",
        status="failed",
        row_id=f"{task.id}#{number}",
        task_id=task.id,
        reason="no_usable_pair",
        detail=detail,
    )
