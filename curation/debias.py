"""Margins without what a teacher's bias adds to them (`bias.py` measures it), beside the raw ones.

What a teacher feels about the order of one pair more than about others' (`Bias.spread`) stays in; only asking in both
orders takes that out. Nor does a constant undo rounding: where grades are whole, up to half a grade of the offset may
stay in verdicts of a single order.

Removing the length slope costs some accuracy wherever length is honest evidence, and takes out what makes verbose
models look better than they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from ..schemas.errors import UserError
from .bias import LEAST, Bias
from .readings import Reading

Removable = Literal["position", "length"]


@dataclass(frozen=True, slots=True)
class Margin:
    """A pair's margin as judged, and without the biases."""

    comparison_id: str
    raw: float
    debiased: float


def debiased(judged: Sequence[Reading], biases: Mapping[str, Bias], remove: Sequence[Removable]) -> list[Margin]:
    """The margin of each pair, raw and without the biases named in `remove`, in the order of the pairs' first readings.

    Like a verdict's, a margin is the mean over teachers of each teacher's mean over orders. Raises `UserError` for a
    teacher whose bias is to be removed and was not measured.
    """
    for teacher in sorted({reading.teacher for reading in judged}):
        _measured(teacher, biases.get(teacher), remove)
    pairs: dict[str, dict[str, dict[float, list[tuple[float, float]]]]] = {}
    for reading in judged:
        orders = pairs.setdefault(reading.comparison_id, {}).setdefault(reading.teacher, {})
        orders.setdefault(reading.place, []).append((reading.margin, _added(reading, biases, remove)))
    margins = []
    for comparison_id, teachers in pairs.items():
        raw, added = (fmean([_over_orders(orders.values(), part) for orders in teachers.values()]) for part in (0, 1))
        # Rounded, so that 0.1 + 0.2 - 0.3 is a tie and not a narrow win; adding 0 turns -0.0 into 0.0.
        margins.append(Margin(comparison_id, round(raw, 9) + 0.0, round(raw - added, 9) + 0.0))
    return margins


def _over_orders(orders: Iterable[list[tuple[float, float]]], part: int) -> float:
    return fmean([fmean([one[part] for one in same]) for same in orders])


def _added(reading: Reading, biases: Mapping[str, Bias], remove: Sequence[Removable]) -> float:
    bias, total = biases.get(reading.teacher), 0.0
    if bias and bias.offset and "position" in remove:
        total += bias.offset.value * reading.place
    if bias and bias.slope and "length" in remove:
        total += bias.slope.value * reading.length
    return total


def _measured(teacher: str, bias: Bias | None, remove: Sequence[Removable]) -> None:
    if "position" in remove and (bias is None or bias.offset is None):
        raise UserError(f"remove: position: {teacher} has judged too few pairs in both orders (at least {LEAST}).")
    if "length" in remove and (bias is None or bias.slope is None):
        raise UserError(f"remove: length: {teacher} has judged too few probes of equal content (at least {LEAST}).")
