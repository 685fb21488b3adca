"""Answer models in order of strength: Bradley-Terry with ties, intervals from a bootstrap over tasks.

Bradley and Terry, Biometrika 39(3/4), 1952: P(first beats second) = 1 / (1 + exp(strength of second - of first)). A tie
is half a win for each. Davidson's model of ties (JASA 65(329), 1970) has the same sufficient statistics for the
strengths, wins plus half the ties, and the same order wherever all pairs meet equally often; half wins need no
parameter of their own and stay a logistic regression, so that nuisances go in as further columns. That is the style
control of Chatbot Arena (Li, Angelopoulos and Chiang, 2024, lmsys.org/blog/2024-08-28-style-control).

Style control answers "who would win at equal length", which punishes models that write more *because* their answers are
better. To take out what a teacher's bias adds and no more, debias the margins first (`debias.py`).

Where the winner is known for few pairs, or one model never loses, strengths of maximum likelihood run off to infinity;
`PENALTY` holds them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from ..schemas.errors import UserError
from .interval import Interval
from .logistic import Codes, Floats, coefficients, coefficients_of_draws
from .resampling import task_weights

PENALTY = 0.01
"""A normal prior of deviation 10 logits on every strength and nuisance: felt only where the data are silent."""
_AT_ONCE = 1_000_000
"""Numbers of all draws' tables that are in memory at the same time."""
REPEATS = 1000
"""Draws of the bootstrap. Ends of 95 % intervals need about a thousand (Efron and Tibshirani, 1993, section 14.2)."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of answer models with their outcomes, one row a pair; `matches.py` makes them of examples."""

    models: tuple[str, ...]
    first: Codes
    second: Codes
    """Indexes into `models`, shape (n,)."""
    outcomes: Floats
    """1 the first won, 0 the second, 0.5 a tie; shape (n,)."""
    tasks: Codes
    """Which task a row belongs to, shape (n,)."""
    nuisances: tuple[str, ...] = ()
    columns: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """Shape (n, nuisances): each changes its sign when first and second change places, and is 0 where neither answer
    has the advantage."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One model's place."""

    model: str
    rank: int
    """1 is the strongest."""
    ranks: tuple[int, int]
    """Best and worst rank in the middle 95 % of the draws."""
    strength: Interval
    """In logits; the mean over the models is 0. A model one logit above another beats it in 73 % of pairs."""
    above_next: float | None
    """Share of the draws in which it is stronger than the next; None for the last."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """All models, the strongest first."""

    models: tuple[Ranked, ...]
    nuisances: dict[str, Interval]
    """Logits for one unit of each nuisance; empty for a raw ranking."""
    pairs: int
    tasks: int
    ties: int

    @property
    def order(self) -> tuple[str, ...]:
        """The models' names, the strongest first."""
        return tuple(ranked.model for ranked in self.models)


def rank(matches: Matches, *, repeats: int = REPEATS, seed: int = 0) -> Ranking:
    """The models by strength, at zero of every nuisance.

    Raises `UserError` where strengths cannot be compared: fewer than two models, or groups of models that never meet.
    """
    _comparable(matches)
    table, groups = _table(matches)
    fitted = table.fit(groups)
    draws = table.fit_draws(task_weights(matches.tasks, repeats, seed), groups, fitted)
    return Ranking(
        models=_ranked(matches.models, fitted, draws),
        nuisances={
            name: _interval(fitted[place], draws[:, place])
            for place, name in enumerate(matches.nuisances, start=len(matches.models))
        },
        pairs=len(matches.outcomes),
        tasks=len(np.unique(matches.tasks)),
        ties=int(np.sum(matches.outcomes == 0.5)),
    )


def ranking_plain(ranking: Ranking) -> dict[str, Any]:
    """The ranking as JSON values: `{models: [{model, rank, ranks: [best, worst], strength: {value, low, high},
    above_next}, …], nuisances: {name: {value, low, high}}, pairs, tasks, ties}`, the strongest model first."""
    plain = asdict(ranking)
    plain["models"] = [{**model, "ranks": list(model["ranks"])} for model in plain["models"]]
    return plain


@dataclass(frozen=True, slots=True)
class _Table:
    """The distinct rows of the regression. Without nuisances they are some dozens, so that a draw is nearly free."""

    columns: Floats
    outcomes: Floats
    models: int

    def fit(self, groups: Codes) -> Floats:
        """Strengths with mean 0, then nuisances; shape (k,). `groups`: which row each match is."""
        return self._centred(
            coefficients(self.columns, self.outcomes, weights=self._counts(None, groups), penalty=PENALTY)
        )

    def fit_draws(self, draws: Iterable[Floats], groups: Codes, start: Floats) -> Floats:
        """The same for each of the draws, which say how often every match counts; shape (draws, k)."""
        counts = (self._counts(weights, groups) for weights in draws)
        found = []
        while some := list(islice(counts, max(1, _AT_ONCE // self.columns.size))):
            fitted = coefficients_of_draws(self.columns, self.outcomes, np.array(some), penalty=PENALTY, start=start)
            found.append(fitted)
        return self._centred(np.concatenate(found))

    def _counts(self, weights: Floats | None, groups: Codes) -> Floats:
        return np.bincount(groups, weights, minlength=len(self.outcomes)).astype(np.float64)

    def _centred(self, found: Floats) -> Floats:
        found[..., : self.models] -= found[..., : self.models].mean(axis=-1, keepdims=True)
        return found


def _table(matches: Matches) -> tuple[_Table, Codes]:
    keys = np.column_stack([matches.first, matches.second, matches.outcomes, *matches.columns.T])
    distinct, groups = np.unique(keys, axis=0, return_inverse=True)
    strengths = np.zeros((len(distinct), len(matches.models)))
    rows = np.arange(len(distinct))
    strengths[rows, distinct[:, 0].astype(np.int64)] += 1
    strengths[rows, distinct[:, 1].astype(np.int64)] -= 1
    table = _Table(np.hstack([strengths, distinct[:, 3:]]), distinct[:, 2], len(matches.models))
    return table, groups.ravel().astype(np.int64)


def _ranked(models: tuple[str, ...], fitted: Floats, draws: Floats) -> tuple[Ranked, ...]:
    order = sorted(range(len(models)), key=lambda place: (-fitted[place], models[place]))
    strengths = draws[:, : len(models)]
    ranks = 1 + np.argsort(np.argsort(-strengths, axis=1, kind="stable"), axis=1, kind="stable")
    ranked = []
    for number, place in enumerate(order):
        below = order[number + 1] if number + 1 < len(order) else None
        best, worst = np.quantile(ranks[:, place], (0.025, 0.975), method="nearest")
        ranked.append(
            Ranked(
                model=models[place],
                rank=number + 1,
                ranks=(int(best), int(worst)),
                strength=_interval(fitted[place], strengths[:, place]),
                above_next=None if below is None else float(np.mean(strengths[:, place] > strengths[:, below])),
            )
        )
    return tuple(ranked)


def _interval(value: float, draws: Floats) -> Interval:
    low, high = np.quantile(draws, (0.025, 0.975))
    return Interval(float(value), float(low), float(high))


def _comparable(matches: Matches) -> None:
    if len(matches.models) < 2 or not len(matches.outcomes):
        raise UserError(f"a ranking needs at least two models that met (got {len(matches.models)})")
    group = list(range(len(matches.models)))
    for first, second in np.unique(np.column_stack([matches.first, matches.second]), axis=0):
        old, new = group[first], group[second]
        group = [new if mine == old else mine for mine in group]
    apart = [name for name, mine in zip(matches.models, group, strict=True) if mine != group[0]]
    if apart:
        raise UserError(
            f"no ranking: {', '.join(apart)} never met {matches.models[0]}, directly or by way of others; compare more "
            "pairs (`compare: {pairs: all}`)"
        )
