"""The error rate of all rows, read off a sample of them in the way in which it was drawn.

Uniform: Wilson. Stratified: the strata's rates by their sizes (Cochran, Sampling Techniques, 1977, chapter 5). Mixed:
every checked row counts 1 / its probability (Horvitz and Thompson, JASA 47, 1952), divided by the sum of these weights
(Hájek, 1971), with the linearised variance. The interval is always Wilson's, for as many simple random rows as would
have the same variance, so that it stays within 0..1 and does not shrink to nothing where no error was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..agreement.estimate import LEVEL, Estimate, Undefined
from ..agreement.share import wilson
from ..agreement.tasks import codes, design_effect
from ..logistic import Floats
from .sample import Drawn, Sample

Labels = Mapping[str, bool | None]
"""Row id -> whether the row is wrong; None where the person could not tell."""


def error_rate(sample: Sample, wrong: Labels, *, level: float = LEVEL) -> Estimate:
    """The share of wrong rows among all from which `sample` was drawn, of those that can be judged.

    Rows of one task are not independent, and widen the interval by as much as they go wrong together.

    Raises `NotASample` for picked rows, `Undefined` for a sample without rows, with rows that nobody has checked yet,
    or with a stratum none of whose rows could be judged.
    """
    rows, found = checked(sample, wrong)
    places = codes([row.task_id for row in rows], len(rows))
    read = {"uniform": _uniform, "stratified": _stratified, "mixed": _mixed}[sample.design]
    value, effective, residuals = read(sample, rows, found)
    low, high = wilson(value, effective / design_effect(residuals, places), level)
    method = f"{sample.design} sample, {level:.0%} Wilson over tasks"
    return Estimate(value, low, high, len(rows), int(places.max()) + 1, method)


def checked(sample: Sample, wrong: Labels) -> tuple[list[Drawn], Floats]:
    """The rows that were judged, and 1 for each that is wrong, 0 for the others. Raises as `error_rate` does."""
    sample.require_design()
    if missing := [row.row_id for row in sample.rows if row.row_id not in wrong]:
        raise Undefined(
            f"{len(missing)} of {len(sample.rows)} rows of the sample are not checked yet ({missing[0]}, …):"
            " those that are may be the easy ones"
        )
    rows = [row for row in sample.rows if wrong[row.row_id] is not None]
    if not rows:
        raise Undefined("no row of the sample could be judged")
    return rows, np.array([bool(wrong[row.row_id]) for row in rows], dtype=np.float64)


def _uniform(sample: Sample, rows: list[Drawn], found: Floats) -> tuple[float, float, Floats]:
    value = float(found.mean())
    left = _left(len(rows), sample.population)
    return value, len(rows) / left if left else math.inf, found - value


def _stratified(sample: Sample, rows: list[Drawn], found: Floats) -> tuple[float, float, Floats]:
    strata = np.array([row.stratum for row in rows])
    residuals = np.zeros(len(rows))
    value = smoothed = variance = 0.0
    for name, size in sample.sizes.items():
        here = strata == name
        drawn = int(here.sum())
        if not drawn:
            raise Undefined(f"no row of stratum {name!r} could be judged")
        weight, rate = size / sample.population, float(found[here].mean())
        # Half an error more and half an error less than were found: a stratum without errors is not without variance.
        likely = (drawn * rate + 0.5) / (drawn + 1)
        value += weight * rate
        smoothed += weight * likely
        variance += weight**2 * likely * (1 - likely) / drawn * _left(drawn, size)
        residuals[here] = weight / drawn * (found[here] - rate) * math.sqrt(_left(drawn, size))
    return value, _effective(smoothed, variance), residuals


def _mixed(sample: Sample, rows: list[Drawn], found: Floats) -> tuple[float, float, Floats]:
    chances = np.array([row.probability for row in rows], dtype=np.float64)
    weights = 1 / chances / np.sum(1 / chances)
    value = float(weights @ found)
    spread = weights**2 * (1 - chances)
    residuals = np.sqrt(spread) * (found - value)
    # As in strata: a sample without errors is not without variance.
    open_ = spread[spread > 0]
    variance = float(np.sum(residuals**2)) + (0.5 * float(open_.mean()) if len(open_) else 0.0)
    return value, _effective((len(rows) * value + 0.5) / (len(rows) + 1), variance), residuals


def _effective(rate: float, variance: float) -> float:
    """Simple random rows that have this variance."""
    return rate * (1 - rate) / variance if variance > 0 else math.inf


def _left(drawn: int, size: int) -> float:
    """What is left of the variance when `drawn` of `size` rows are known: nothing when all are."""
    return (size - drawn) / (size - 1) if size > 1 else 0.0
