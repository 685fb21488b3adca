"""Dawid and Skene's model: the true label of each item and the errors of each worker, from votes alone.

Applied Statistics 28(1), 1979: maximum likelihood by EM, begun from each item's shares of votes. It supposes that the
workers err independently of each other given the truth. Teachers of one family do not: enter them as one worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..logistic import Codes, Floats
from .estimate import Undefined

_SMALLEST = 1e-300
"""Stands for a probability of 0 in a logarithm."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One worker's label of one item; a worker may vote on an item several times."""

    item: str
    worker: str
    label: str


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the votes add up to."""

    labels: tuple[str, ...]
    """In the order of all the tuples below."""
    posterior: Mapping[str, tuple[float, ...]]
    """Item -> probability of each label."""
    confusion: Mapping[str, tuple[tuple[float, ...], ...]]
    """Worker -> for each true label, the probability of each vote; NaN where the worker met no item of that label."""
    prior: tuple[float, ...]
    """Share of each label among the items."""
    rounds: int
    converged: bool
    """Whether the last round changed no probability by more than the tolerance; False where rounds ran out."""

    def label(self, item: str) -> str | None:
        """The item's likeliest label; None where two are as likely."""
        shares = self.posterior[item]
        best = max(shares)
        likeliest = [place for place, share in enumerate(shares) if share >= best - 1e-9]
        return self.labels[likeliest[0]] if len(likeliest) == 1 else None


def dawid_skene(
    votes: Sequence[Vote], *, smoothing: float = 0.0, rounds: int = 1000, tolerance: float = 1e-8
) -> Consensus:
    """Fits the model to `votes`.

    `smoothing` is added to every cell of the workers' counts: 0 is the paper's maximum likelihood, 0.01 keeps a worker
    with few votes from being certain of anything. Raises `Undefined` without votes.
    """
    if not votes:
        raise Undefined("no votes")
    items, workers, labels = (
        list(dict.fromkeys(names))
        for names in zip(*((vote.item, vote.worker, vote.label) for vote in votes), strict=True)
    )
    labels.sort()
    place = [{name: number for number, name in enumerate(names)} for names in (items, workers, labels)]
    cast = _Cast(
        items=np.array([place[0][vote.item] for vote in votes], dtype=np.int64),
        workers=np.array([place[1][vote.worker] for vote in votes], dtype=np.int64),
        labels=np.array([place[2][vote.label] for vote in votes], dtype=np.int64),
    )
    posterior = np.zeros((len(items), len(labels)))
    np.add.at(posterior, (cast.items, cast.labels), 1.0)
    posterior /= posterior.sum(axis=1, keepdims=True)
    done, converged = 0, False
    while done < rounds and not converged:
        prior, confusion = _maximised(cast, posterior, smoothing, len(workers))
        before, posterior = posterior, _expected(cast, prior, confusion, len(items))
        done, converged = done + 1, bool(np.abs(posterior - before).max() <= tolerance)
    prior, confusion = _maximised(cast, posterior, smoothing, len(workers))
    return Consensus(
        labels=tuple(labels),
        posterior={item: tuple(map(float, row)) for item, row in zip(items, posterior, strict=True)},
        confusion={
            worker: tuple(tuple(map(float, row)) for row in table)
            for worker, table in zip(workers, confusion, strict=True)
        },
        prior=tuple(map(float, prior)),
        rounds=done,
        converged=converged,
    )


@dataclass(frozen=True, slots=True)
class _Cast:
    """Votes by number, shape (votes,) each: most workers vote on few of the items."""

    items: Codes
    workers: Codes
    labels: Codes


def _maximised(cast: _Cast, posterior: Floats, smoothing: float, workers: int) -> tuple[Floats, Floats]:
    """The shares of labels and the workers' confusion (workers, true label, vote) that explain the posterior best."""
    size = posterior.shape[1]
    cells = np.full((workers, size, size), smoothing)
    for true in range(size):
        np.add.at(cells[:, true], (cast.workers, cast.labels), posterior[cast.items, true])
    total = cells.sum(axis=2, keepdims=True)
    return posterior.mean(axis=0), np.divide(cells, total, out=np.full_like(cells, np.nan), where=total > 0)


def _expected(cast: _Cast, prior: Floats, confusion: Floats, items: int) -> Floats:
    """The posterior of each item's label, (items, labels)."""
    # A worker who met no item of a label has no votes that would count under it.
    chances = np.log(np.maximum(np.nan_to_num(confusion, nan=1.0), _SMALLEST))
    logs = np.tile(np.log(np.maximum(prior, _SMALLEST)), (items, 1))
    np.add.at(logs, cast.items, chances[cast.workers, :, cast.labels])
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    normed: Floats = shares / shares.sum(axis=1, keepdims=True)
    return normed
