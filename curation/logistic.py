"""Logistic regression by Newton steps: what ranking, calibration and the audit of bias have in common.

Outcomes may be fractions: 0.5 is half a success, which is how a tie counts as half a win. Standard errors are the
sandwich's, clustered (Liang and Zeger, Biometrika 73(1), 1986), because pairs of one task are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
"""Small whole numbers that stand for names: models, tasks."""

_STEPS, _CLOSE = 50, 1e-9


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of a logistic regression, in logits per unit of each column."""

    coefficients: Floats
    """Shape (k,)."""
    covariance: Floats
    """Shape (k, k), clustered."""


def probability(logits: Floats) -> Floats:
    """1 / (1 + exp(-logits)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(logits / 2)), dtype=np.float64)


def coefficients(
    columns: Floats, outcomes: Floats, *, weights: Floats | None = None, penalty: Floats | float = 0.0,
    start: Floats | None = None,
) -> Floats:  # fmt: skip
    """The penalised maximum-likelihood coefficients, shape (k,).

    `columns`: shape (n, k), with a column of ones where an intercept is wanted. `outcomes`: shape (n,), 0..1.
    `weights`: shape (n,), how often each row counts. `penalty`: half of it times the square of a coefficient is taken
    from the log-likelihood; one number, or one a column. Raises `ValueError` where no finite coefficients exist: the
    outcomes are separated by the columns, or columns repeat each other.
    """
    weigh = np.ones(len(outcomes)) if weights is None else weights
    ridge = np.broadcast_to(np.asarray(penalty, dtype=np.float64), (columns.shape[1],))
    found = np.zeros(columns.shape[1]) if start is None else start
    objective = _objective(columns, outcomes, weigh, ridge, found)
    for _ in range(_STEPS):
        p = probability(columns @ found)
        slope = columns.T @ (weigh * (outcomes - p)) - ridge * found
        step = _solved(_information(columns, weigh * p * (1 - p), ridge), slope)
        # The log-likelihood is concave, but a whole Newton step may still overshoot it.
        share = 1.0
        while (higher := _objective(columns, outcomes, weigh, ridge, found + share * step)) < objective - 1e-9:
            share /= 2
        found, objective = found + share * step, higher
        if float(np.max(np.abs(step))) < _CLOSE * (1 + float(np.max(np.abs(found)))):
            return found
    raise ValueError("no finite coefficients: some column separates the outcomes")


def coefficients_of_draws(
    columns: Floats, outcomes: Floats, weights: Floats, *, penalty: float, start: Floats
) -> Floats:  # fmt: skip
    """`coefficients` for each row of `weights`, shape (draws, n), all draws at the same time; shape (draws, k).

    `penalty` must be positive and `start` near: there is no search along a step. A draw that does not settle so is
    fitted alone.
    """
    found = np.repeat(start[None], len(weights), axis=0)
    ridge = penalty * np.eye(columns.shape[1])
    for _ in range(_STEPS):
        p = probability(found @ columns.T)
        slopes = (weights * (outcomes - p)) @ columns - penalty * found
        information = np.einsum("dn,ni,nj->dij", weights * p * (1 - p), columns, columns, optimize=True) + ridge
        steps = np.linalg.solve(information, slopes[..., None])[..., 0]
        found += steps
        unsettled = np.max(np.abs(steps), axis=1) >= _CLOSE * (1 + np.max(np.abs(found), axis=1))
        if not unsettled.any():
            return found
        if not np.all(np.isfinite(found)):
            break
    for place in np.flatnonzero(unsettled | ~np.isfinite(found).all(axis=1)):
        found[place] = coefficients(columns, outcomes, weights=weights[place], penalty=penalty, start=start)
    return found


def fitted(columns: Floats, outcomes: Floats, *, clusters: Codes, penalty: Floats | float = 0.0) -> Fit:
    """Coefficients with their covariance, clustered by `clusters` of shape (n,). Raises what `coefficients` raises."""
    found = coefficients(columns, outcomes, penalty=penalty)
    ridge = np.broadcast_to(np.asarray(penalty, dtype=np.float64), (columns.shape[1],))
    p = probability(columns @ found)
    bread = _information(columns, p * (1 - p), ridge)
    _, places = np.unique(clusters, return_inverse=True)
    groups = int(places.max()) + 1
    scores = np.zeros((groups, columns.shape[1]))
    np.add.at(scores, places, columns * (outcomes - p)[:, None])
    meat = scores.T @ scores * (groups / max(groups - 1, 1))
    half = _solved(bread, meat)
    return Fit(found, np.asarray(_solved(bread, half.T), dtype=np.float64))


def _objective(columns: Floats, outcomes: Floats, weights: Floats, ridge: Floats, at: Floats) -> float:
    logits = columns @ at
    return float(weights @ (outcomes * logits - np.logaddexp(0, logits)) - ridge @ (at * at) / 2)


def _information(columns: Floats, weights: Floats, ridge: Floats) -> Floats:
    return np.asarray(columns.T @ (columns * weights[:, None]) + np.diag(ridge), dtype=np.float64)


def _solved(matrix: Floats, right: Floats) -> Floats:
    # A matrix that is singular up to rounding still gives numbers; they would be noise.
    if not np.all(np.isfinite(matrix)) or np.linalg.cond(matrix) > 1e13:
        raise ValueError("no finite coefficients: columns repeat each other, or separate the outcomes")
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
