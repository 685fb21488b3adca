"""Margins without what a teacher's bias adds to them (`bias.py` measures it).

What a teacher feels about the order of one pair more than about others' (`Bias.spread`) stays in; only asking in both
orders takes that out. Nor does a constant undo rounding: where grades are whole, up to half a grade of the offset may
stay in verdicts of a single order.

Removing the length slope costs some accuracy wherever length is honest evidence, and takes out what makes verbose
models look better than they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from ..schemas.errors import UserError
from ..schemas.probe import Removable
from .bias import Bias
from .readings import Reading


def removable(biases: Mapping[str, Bias], teachers: Iterable[str], remove: Sequence[Removable]) -> None:
    """Raises `UserError` where one of the teachers has a bias that is to be removed and was not measured."""
    for teacher in teachers:
        for name in remove:
            bias = biases.get(teacher)
            if bias is None or bias.effect(name) is None:
                why = "none of its judgments could be read" if bias is None else bias.missing[name]
                raise UserError(f"remove: {name}: {teacher}: {why}; raise `probes.share`, or leave {name!r} out.")


def debiased_margin(readings: Sequence[Reading], biases: Mapping[str, Bias], remove: Sequence[Removable]) -> float:
    """One pair's margin without the biases named in `remove`; with none of them, as judged.

    Like a verdict's, it is the mean over teachers of each teacher's mean over orders, of the mean of its replies.
    `readings`: of one pair, at least one. Raises `ValueError` for a bias that was not measured (see `removable`).
    """
    teachers: dict[str, dict[float, list[float]]] = {}
    for reading in readings:
        left = reading.margin - sum(_added(reading, biases, name) for name in remove)
        teachers.setdefault(reading.teacher, {}).setdefault(reading.place, []).append(left)
    mean = fmean([fmean([fmean(same) for same in orders.values()]) for orders in teachers.values()])
    # Rounded, so that 0.1 + 0.2 - 0.3 is a tie and not a narrow win; adding 0 turns -0.0 into 0.0.
    return round(mean, 9) + 0.0


def _added(reading: Reading, biases: Mapping[str, Bias], name: Removable) -> float:
    bias = biases.get(reading.teacher)
    effect = bias.effect(name) if bias else None
    if effect is None:
        raise ValueError(f"the {name} bias of {reading.teacher} was not measured")
    advantages = {
        "position": reading.place,
        "length": reading.length,
        "format": reading.format,
        "label": reading.label,
    }  # fmt: skip
    return effect.value * advantages[name]
