"""How often one answering model beats another, over all judged pairs: shares with Wilson's interval over tasks.

A tie is half a win for each, as in the ranking (`curation/ranking.py`). Verdicts on more than two answers give a pair
for each two of them, by their scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ...curation.agreement.estimate import Undefined
from ...curation.agreement.share import wilson
from ...curation.agreement.tasks import codes, design_effect

_POINTS = {"first": 1.0, "second": 0.0, "tie": 0.5}
NOTHING = "no two models met"


class WinRates:
    """Points that models took off each other."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], tuple[list[float], list[str]]] = {}
        """Two models in the order of the alphabet -> the first one's points, and the task of each."""

    def add(self, models: Sequence[str], winner: str | None, scores: Sequence[float], task: str) -> None:
        """A verdict: its winner, or the scores of several answers in the comparison's order."""
        if winner is not None:
            self._pair(models[0], models[1], _POINTS[winner], task)
            return
        for one, other in combinations(range(len(models)), 2):
            self._pair(models[one], models[other], 0.5 + 0.5 * float(np.sign(scores[one] - scores[other])), task)

    def _pair(self, one: str, other: str, points: float, task: str) -> None:
        if one == other:
            return
        if other < one:
            one, other, points = other, one, 1 - points
        found = self._met.setdefault((one, other), ([], []))
        found[0].append(points)
        found[1].append(task)

    def plain(self) -> dict[str, Any]:
        """`{models, pairs}`, the models with the highest mean rate first; or why there is nothing."""
        if not self._met:
            return {"undefined": NOTHING}
        pairs = []
        for (one, other), (points, tasks) in sorted(self._met.items()):
            forward = np.array(points)
            pairs += [_rate(one, other, forward, tasks), _rate(other, one, 1 - forward, tasks)]
        rates: dict[str, list[float]] = {}
        for pair in pairs:
            rates.setdefault(pair["model"], []).append(pair["value"])
        models = sorted(rates, key=lambda name: (-sum(rates[name]) / len(rates[name]), name))
        return {"models": models, "pairs": pairs}


def _rate(model: str, against: str, points: np.ndarray[Any, np.dtype[np.float64]], tasks: list[str]) -> dict[str, Any]:
    value = float(points.mean())
    told: dict[str, Any] = {
        "model": model,
        "against": against,
        "n": len(points),
        "tasks": len(set(tasks)),
        "wins": int(np.sum(points == 1)),
        "ties": int(np.sum(points == 0.5)),
        "value": value,
    }
    try:
        effect = design_effect(points - value, codes(tasks, len(points)))
    except Undefined as why:
        return {**told, "low": None, "high": None, "undefined_interval": str(why)}
    low, high = wilson(value, len(points) / effect)
    return {**told, "low": low, "high": high}
