"""Prediction-powered inference: a few checked rows, and what was predicted for all of them.

Angelopoulos et al., Prediction-powered inference (Science 382, 2023, arXiv 2301.09633), and PPI++ (arXiv 2311.01453,
section 6) for how far to trust the predictions. Worthless predictions cost nothing: their weight then goes to 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..agreement.estimate import LEVEL, Estimate, Undefined
from ..agreement.share import deviations
from ..agreement.tasks import codes, design_effect
from .reading import Labels, checked
from .sample import NotASample, Sample


def prediction_powered(
    sample: Sample, wrong: Labels, predicted: Mapping[str, float], *, trust: float | None = None, level: float = LEVEL
) -> Estimate:
    """The error rate of all rows from a uniform sample and from `predicted`, row id -> probability that it is wrong.

    `predicted` names every row from which the sample was drawn. `trust` is the weight of the predictions, 0..1: 1 is
    PPI, 0 leaves them out, None takes the one of the smallest variance (PPI++). `n` counts the checked rows.

    Raises `NotASample` unless the sample is uniform, `Undefined` where fewer than two rows were judged, none is left
    unchecked or a prediction is missing.
    """
    if sample.design != "uniform":
        sample.require_design()
        raise NotASample(f"prediction-powered inference needs a uniform sample (got {sample.how}); use error_rate")
    rows, found = checked(sample, wrong)
    drawn = {row.row_id for row in sample.rows}
    if missing := [row.row_id for row in rows if row.row_id not in predicted]:
        raise Undefined(f"no prediction for {len(missing)} rows of the sample ({missing[0]}, …)")
    seen = np.array([predicted[row.row_id] for row in rows])
    unseen = np.array([value for row_id, value in predicted.items() if row_id not in drawn])
    if len(rows) < 2 or len(unseen) < 2:
        raise Undefined(f"too few rows for prediction-powered inference: {len(rows)} checked, {len(unseen)} others")
    if trust is None and np.ptp([*seen, *unseen]) == 0:
        trust = 0.0
    if trust is None:
        spread = float(np.var(np.concatenate([seen, unseen])))
        shared = float(np.mean((seen - seen.mean()) * (found - found.mean())))
        trust = min(max(shared / ((1 + len(rows) / len(unseen)) * spread), 0.0), 1.0)
    rest = found - trust * seen
    value = float(trust * unseen.mean() + rest.mean())
    effect = design_effect(rest - rest.mean(), places := codes([row.task_id for row in rows], len(rows)))
    variance = float(rest.var(ddof=1)) / len(rows) * effect + trust**2 * float(unseen.var(ddof=1)) / len(unseen)
    reach = deviations(level) * math.sqrt(variance)
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    method = f"prediction-powered, trust {trust:.2f}, {level:.0%} normal over tasks"
    return Estimate(min(max(value, 0.0), 1.0), low, high, len(rows), int(places.max()) + 1, method)
