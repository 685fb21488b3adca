"""Verdicts beside people's decisions: what a verdict looks like, and whether people agree with its winner.

The features are those that say how sure a teacher is, never who wrote the answers or how long they are: such a feature
would carry a bias into the probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

import numpy as np

from ..schemas.labels import PeopleSay, people_say
from ..schemas.rows import Example, Judgment, Verdict
from .logistic import Codes, Floats


def _margins(judgments: Sequence[Judgment]) -> list[float]:
    found = [judgment.weighed_by_answer for judgment in judgments]
    return [scores[0] - scores[1] for scores in found if scores is not None]


FEATURES: dict[str, Callable[[Verdict, Sequence[Judgment]], float]] = {
    "margin": lambda verdict, judgments: abs(verdict.final_margin or 0.0),
    "inconsistent": lambda verdict, judgments: float(verdict.consistent is False),
    "one_order": lambda verdict, judgments: float(verdict.consistent is None),
    "spread": lambda verdict, judgments: pstdev(_margins(judgments)) if judgments else 0.0,
    "judgments": lambda verdict, judgments: float(len(judgments)),
    "dissent": lambda verdict, judgments: fmean(
        [one * (verdict.final_margin or 0.0) <= 0 for one in _margins(judgments)] or [0.0]
    ),
    "reference": lambda verdict, judgments: float(any(judgment.with_reference for judgment in judgments)),
}
"""Name -> how it is read off a verdict and the judgments it rests on.

`margin`: |margin| on the judge's scale, debiased where the run removes biases; `inconsistent`: 1 where the orders
disagree; `one_order`: 1 where only one was read; `spread`: standard deviation of the judgments' margins; `judgments`:
how many; `dissent`: share of the judgments that do not favour the winner; `reference`: 1 where one was shown.
"""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Verdicts with a winner on pairs whose winner people agree on, one row each."""

    features: tuple[str, ...]
    columns: Floats
    """Shape (n, features)."""
    right: Floats
    """1 where people prefer the verdict's winner, else 0; shape (n,)."""
    tasks: Codes
    """Which task a row belongs to, shape (n,)."""


def verdict_features(names: Sequence[str], verdict: Verdict, judgments: Sequence[Judgment]) -> Floats:
    """The named features of a verdict on a pair, shape (names,); `judgments` may hold others than the verdict's."""
    used = [judgment for judgment in judgments if judgment.id in verdict.judgment_ids]
    return np.array([FEATURES[name](verdict, used) for name in names], dtype=np.float64)


def labelled(
    examples: Iterable[Example],
    names: Sequence[str] = ("margin", "inconsistent", "one_order"),
    say: PeopleSay | None = None,
) -> Labelled:
    """The reviewed pairs among `examples`, in their order.

    `say`: what people say of each pair; without it, what more than half of them do. Left out are pairs where the
    verdict is a tie and those where people see a tie, do not decide or cannot judge: the rows ask whether a named
    winner is the right one. The rows should be a random sample of the run's verdicts; of a queue of doubtful ones the
    probabilities come out too low.
    """
    columns, right, tasks = [], [], []
    for example in examples:
        verdict, people = example.verdict, people_say(example, say)
        if verdict is None or verdict.winner in (None, "tie") or people in (None, "tie"):
            continue
        columns.append(verdict_features(names, verdict, example.judgments))
        right.append(float(verdict.winner == people))
        tasks.append(example.task_id)
    codes = {name: code for code, name in enumerate(dict.fromkeys(tasks))}
    return Labelled(
        features=tuple(names),
        columns=np.array(columns, dtype=np.float64).reshape(len(right), len(names)),
        right=np.array(right, dtype=np.float64),
        tasks=np.array([codes[name] for name in tasks], dtype=np.int64),
    )
