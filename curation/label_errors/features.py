"""A labelled pair in numbers that do not come from its own verdict; each changes its sign with the order of the pair.

The verdict's margin and its judgments are left out: the winner is read off them, so they would predict every label,
also the wrong ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from ...schemas.rows import Answer, Example
from ..duplicates.bags import bags_of
from ..logistic import Codes, Floats
from ..nuisances import log_length, markdown
from ..standings import Judged, judged

WORDS = 64
"""Columns of hashed words: few, so that a thousand pairs tell of each."""


@dataclass
class Pairs:
    """The labelled pairs of two answers that have gone by, and what is remembered of each."""

    judged: list[Judged] = field(default_factory=list)
    """Those with a winner, in the order in which they came; arrays have their rows."""
    groups: list[str] = field(default_factory=list)
    """What is never predicted from itself: near duplicates, or else the task."""
    _tasks: list[str] = field(default_factory=list)
    _models: list[tuple[str, str]] = field(default_factory=list)
    _scalars: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def first_won(self) -> Floats:
        """1 where the first answer won, 0 where the second did, shape (n,)."""
        return np.array([pair.margin > 0 for pair in self.judged], dtype=np.float64)

    @classmethod
    def read(cls, examples: Iterable[Example]) -> tuple[Pairs, Floats]:
        """The pairs, and their columns, shape (n, k); some 3 KiB a pair while it reads.

        Columns: which models answered (as in Bradley and Terry's model), what their answers' other pairs of the task
        say, the difference of their grades, of their lengths and of their markdown, and of their hashed words.
        """
        pairs = cls()
        words = bags_of(pairs._texts(examples))
        scalars = np.array(pairs._scalars, dtype=np.float64).reshape(-1, 3)
        others = pairs._by_others()
        scaled = _scaled(np.column_stack([others, scalars]))
        between = words[0::2] - words[1::2]
        # Summed, they are what hashing to fewer places would have given.
        return pairs, np.column_stack(
            [pairs._by_models(), scaled, between.reshape(len(between), words.shape[1] // WORDS, WORDS).sum(axis=1)]
        )

    def _texts(self, examples: Iterable[Example]) -> Iterator[str]:
        """Both texts of every pair with a winner, as it goes by."""
        for example in examples:
            if example.comparison is None or example.verdict is None or len(example.answers) != 2:
                continue
            pair = judged(example.comparison, example.verdict)
            if pair is None or pair.winner is None:
                continue
            first, second = example.answers
            self.judged.append(pair)
            self.groups.append(example.split.group if example.split else example.task_id)
            self._tasks.append(example.task_id)
            self._models.append((first.model, second.model))
            self._scalars.append((_graded(example, first, second), log_length(first, second), markdown(first, second)))
            yield first.text or ""
            yield second.text or ""

    def _by_models(self) -> Floats:
        places = {name: place for place, name in enumerate(sorted({name for both in self._models for name in both}))}
        found = np.zeros((len(self.judged), len(places)))
        rows = np.arange(len(self.judged))
        for side, sign in ((0, 1.0), (1, -1.0)):
            column: Codes = np.array([places[both[side]] for both in self._models], dtype=np.int64)
            np.add.at(found, (rows, column), sign)
        return found

    def _by_others(self) -> Floats:
        """How much better the first answer did against the task's other answers than the second did, shape (n,)."""
        total: dict[tuple[str, str], float] = defaultdict(float)
        count: dict[tuple[str, str], int] = defaultdict(int)
        for task, pair in zip(self._tasks, self.judged, strict=True):
            for answer, margin in ((pair.first, pair.margin), (pair.second, -pair.margin)):
                total[task, answer] += margin
                count[task, answer] += 1
        found = np.zeros(len(self.judged))
        for row, (task, pair) in enumerate(zip(self._tasks, self.judged, strict=True)):
            for answer, margin, sign in ((pair.first, pair.margin, 1), (pair.second, -pair.margin, -1)):
                others = count[task, answer] - 1
                found[row] += sign * (total[task, answer] - margin) / others if others else 0.0
        return found


def _graded(example: Example, first: Answer, second: Answer) -> float:
    """The difference of the answers' mean grades, in scores; 0 where one has none."""
    scores = [
        [grade.score for grade in example.grades if grade.answer_id == answer.id and grade.score is not None]
        for answer in (first, second)
    ]
    return fmean(scores[0]) - fmean(scores[1]) if all(scores) else 0.0


def _scaled(columns: Floats) -> Floats:
    """Columns with a mean square of 1; those of zeros stay."""
    root = np.sqrt(np.mean(columns**2, axis=0)) if len(columns) else np.ones(columns.shape[1])
    return np.asarray(columns / np.where(root > 0, root, 1), dtype=np.float64)
