"""How likely a verdict's winner is the right one: probabilities fitted to people's labels.

A logistic regression on the verdict's features (Platt, Advances in Large Margin Classifiers, 1999, with his smoothed
targets), and from 1,000 labels on an isotonic curve over its log-odds: Niculescu-Mizil and Caruana (ICML 2005, section
5) find that isotonic regression overfits below about that number and wins above it.

The labels' tasks are dealt into two halves. The curve that is kept is fitted to the first; the second was not seen and
certifies thresholds (`guarantee.py`). The reported calibration error is that of both halves, each read with a curve
that was fitted to the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, model_validator

from ..schemas.errors import UserError
from ..schemas.frozen import Frozen
from .isotonic import isotonic
from .labelled import Labelled
from .logistic import Codes, Floats, coefficients, probability
from .reliability import Reliability, reliability

LEAST_LABELS = 200
"""Fewest labels: a hundred a half."""
LEAST_OF_EACH = 10
"""Fewest right and fewest wrong winners for each feature, in each half (Peduzzi et al., Journal of Clinical
Epidemiology 49(12), 1996)."""
ISOTONIC_FROM = 1000
"""Labels from which on the curve is isotonic."""
_PENALTY = 1e-3


class Curve(Frozen):
    """From features to p(the winner is right)."""

    method: Literal["platt", "isotonic"]
    features: tuple[str, ...] = Field(min_length=1)
    intercept: float
    slopes: tuple[float, ...]
    """Logits for one unit of each feature."""
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    """For `isotonic`: probabilities at rising log-odds; between two of them on a straight line."""

    @model_validator(mode="after")
    def _aligned(self) -> Curve:
        if len(self.slopes) != len(self.features):
            raise ValueError(f"one slope for each feature (got {len(self.slopes)} for {len(self.features)})")
        if len(self.knots) != len(self.levels) or (self.method == "isotonic") != bool(self.knots):
            raise ValueError("knots and levels belong to each other, and to the method isotonic")
        return self

    def p(self, columns: Floats) -> Floats:
        """Probabilities of rows of features, shape (n,) of (n, features)."""
        logits = self.intercept + columns @ np.array(self.slopes)
        return np.interp(logits, self.knots, self.levels) if self.knots else probability(logits)


class HeldOut(Frozen):
    """Labels that the curve was not fitted to: one a task, so that they are independent."""

    p: tuple[float, ...]
    right: tuple[bool, ...]


class Calibration(Frozen):
    """A curve, and what says how far to trust it. Plain JSON on disk."""

    model_config = ConfigDict(title="calibration")

    version: Literal[1] = 1
    labels: int
    """People's labels that it rests on."""
    curve: Curve
    fitted: tuple[float, ...]
    """Probabilities of the rows that the curve was fitted to."""
    held_out: HeldOut
    reliability: Reliability
    """Out of sample, over all labels."""

    def text(self) -> str:
        """The file that `load` reads."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read a file of `text`. Raises `UserError` naming the file and what is wrong with it."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UserError(f"{path}: no calibration can be read ({error.strerror}).") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UserError(f"{path}: not a calibration: {f'{where}: ' if where else ''}{first['msg']}.") from error


def calibrate(rows: Labelled, *, isotonic_from: int = ISOTONIC_FROM, seed: int = 0) -> Calibration:
    """The calibration of labelled verdicts; the same for the same rows and seed.

    Raises `UserError` where there are too few labels, or too few right or wrong ones, saying how many are needed.
    """
    _enough(rows)
    first, second = _halves(rows.tasks, seed)
    method: Literal["platt", "isotonic"] = "platt" if len(rows.right) < isotonic_from else "isotonic"
    curve, other = _curve(rows, first, method), _curve(rows, second, method)
    crossed = np.concatenate([curve.p(rows.columns[second]), other.p(rows.columns[first])])
    _, alone = np.unique(rows.tasks[second], return_index=True)
    held = second[alone]
    return Calibration(
        labels=len(rows.right),
        curve=curve,
        fitted=tuple(curve.p(rows.columns[first]).tolist()),
        held_out=HeldOut(p=tuple(curve.p(rows.columns[held]).tolist()), right=tuple(rows.right[held] == 1)),
        reliability=reliability(crossed, np.concatenate([rows.right[second], rows.right[first]])),
    )


def _curve(rows: Labelled, chosen: Codes, method: Literal["platt", "isotonic"]) -> Curve:
    columns, right = rows.columns[chosen], rows.right[chosen]
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    told = scale > 0  # a feature that never varies says nothing, and would repeat the intercept
    standard = (columns[:, told] - centre[told]) / scale[told]
    ones = float(right.sum())
    high, low = (ones + 1) / (ones + 2), 1 / (len(right) - ones + 2)
    found = coefficients(
        np.column_stack([np.ones(len(right)), standard]),
        np.where(right == 1, high, low),
        penalty=np.array([0.0, *[_PENALTY] * standard.shape[1]]),
    )
    slopes = np.zeros(len(rows.features))
    slopes[told] = found[1:] / scale[told]
    intercept = float(found[0] - slopes @ centre)
    knots, levels = isotonic(intercept + columns @ slopes, right) if method == "isotonic" else ((), ())
    return Curve(
        method=method,
        features=rows.features,
        intercept=intercept,
        slopes=tuple(slopes.tolist()),
        knots=tuple(float(knot) for knot in knots),
        levels=tuple(float(level) for level in levels),
    )


def _halves(tasks: Codes, seed: int) -> tuple[Codes, Codes]:
    """Places of the rows of one half of the tasks and of the other."""
    names = np.random.default_rng(seed).permutation(np.unique(tasks))
    inside = np.isin(tasks, names[: len(names) // 2])
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def _enough(rows: Labelled) -> None:
    labels, ones, tasks = len(rows.right), int(rows.right.sum()), len(np.unique(rows.tasks))
    if min(labels, tasks) < LEAST_LABELS:
        raise UserError(
            f"calibration: needs people's labels of {LEAST_LABELS} verdicts of different tasks, drawn at random (got "
            f"{labels} of {tasks} tasks); 600 are better."
        )
    least = 2 * LEAST_OF_EACH * len(rows.features)
    if min(ones, labels - ones) < least:
        raise UserError(
            f"calibration: {len(rows.features)} features need {least} labels that agree with the verdict and {least} "
            f"that do not (got {ones} and {labels - ones}); label more verdicts or name fewer features."
        )
