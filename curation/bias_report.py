"""What sways each teacher, as JSON values for a run's manifest. Nothing here needs people or a truth.

Measures over orders are JudgeLM's (`agreement/judge_metrics.py`), over pairs as they came, of the mean grade of each
order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..schemas.probe import Probe, ProbeKind, Removable
from .agreement.estimate import Estimate, Undefined, plain_or_why
from .agreement.judge_metrics import OrderMetrics, order_metrics
from .agreement.share import share
from .balanced import Balanced, balanced, signs
from .bias import LEAST, Bias, measure
from .least_squares import Effect
from .readings import Reading, readings_of
from .side_by_side import SideBySide

_EFFECTS: Mapping[str, Removable] = {"offset": "position", "length": "length", "format": "format", "label": "label"}
_ORDERS: Mapping[str, Callable[[OrderMetrics], Estimate]] = {
    "consistency": lambda found: found.consistency,
    "prefer_first": lambda found: found.prefer_first,
    "prefer_second": lambda found: found.prefer_second,
    "delta_bias": lambda found: found.delta_bias,
}
_WORSE: Mapping[str, ProbeKind] = {"refusals_preferred": "refusal", "truncated_preferred": "truncated"}
NOTHING_READ = "none of its judgments could be read"


def report(
    judged: Sequence[Reading],
    probes: Sequence[Reading],
    others: Sequence[Probe] = (),
    teachers: Iterable[str] = (),
    *,
    least: Mapping[Removable, int] = LEAST,
) -> dict[str, Any]:
    """`{"teachers": {name: …}, "kappa": {"A / B": …}}`; names in the order of the alphabet.

    `judged`: readings of pairs as they came, those of `swapped` probes included. `probes`: of pairs that say the same
    (`probe_readings`). `others`: probes of which `refusal` and `truncated` are looked at. `teachers`: names to report
    even where nothing was read. Where a protocol asks in the second order only about close pairs, the measures over
    orders are of close pairs.

    Of a teacher: `offset`, `length`, `format`, `label` (scores on the judge's scale) and `own_family` (share, -1..1),
    each `{value, low, high, pairs}`; `consistency`, `prefer_first`, `prefer_second`, `delta_bias`,
    `refusals_preferred` and `truncated_preferred`, each an `Estimate`; instead of any of them `{"undefined": reason}`;
    `pairs` and `probes`, how many of each were read. Of one of whom nothing was read: `{"undefined": reason}`. Kappa
    is Cohen's, of the winners by the mean over orders, on the pairs as they came that both judged. Intervals are 95 %,
    clustered by task.
    """
    biases, real, copies = measure(judged, probes, least=least), balanced(judged), balanced(probes)
    spoiled = {name: _spoiled(others, kind) for name, kind in _WORSE.items()}
    named = {*teachers, *biases, *(one.teacher for probe in others for one in probe.judgments)}
    table = SideBySide.of(real)
    told: dict[str, Any] = {}
    for name in sorted(named):
        worse = {key: found.get(name, []) for key, found in spoiled.items()}
        if name not in biases and not any(worse.values()):
            told[name] = {"undefined": NOTHING_READ}
            continue
        told[name] = {
            **(_effects(biases[name]) if name in biases else _undefined(_EFFECTS, NOTHING_READ)),
            **_orders(real.get(name)),
            "own_family": _own_family(table, name),
            **{key: _preferred(_WORSE[key], hits) for key, hits in worse.items()},
            "pairs": len(real[name].tasks) if name in real else 0,
            "probes": len(copies[name].tasks) if name in copies else 0,
        }
    kappa = {f"{one} / {other}": table.kappa(one, other) for one, other in combinations(sorted(real), 2)}
    return {"teachers": told, "kappa": kappa}


def _undefined(keys: Iterable[str], why: str) -> dict[str, Any]:
    return {key: {"undefined": why} for key in keys}


def _effects(bias: Bias) -> dict[str, Any]:
    return {
        key: {"undefined": bias.missing[name]} if (effect := bias.effect(name)) is None else _plain(effect)
        for key, name in _EFFECTS.items()
    }


def _plain(effect: Effect) -> dict[str, Any]:
    interval = effect.interval
    return {"value": effect.value, "low": interval.low, "high": interval.high, "pairs": effect.pairs}


def _orders(pairs: Balanced | None) -> dict[str, Any]:
    both = np.flatnonzero(~np.isnan(pairs.forward + pairs.backward)) if pairs else np.zeros(0, dtype=np.int64)
    if pairs is None or not len(both):
        return _undefined(_ORDERS, "no pair was judged in both orders")
    # In the second order the answer shown first is the comparison's second.
    leaning = (signs(pairs.forward[both]) - signs(pairs.backward[both])).astype(np.int64)
    try:
        found = order_metrics(leaning, [pairs.tasks[row] for row in both])
    except Undefined as why:
        return _undefined(_ORDERS, str(why))
    return {key: pick(found).as_plain() for key, pick in _ORDERS.items()}


def _spoiled(others: Sequence[Probe], kind: ProbeKind) -> dict[str, list[tuple[bool, str]]]:
    """Teacher -> for each probe of that kind, whether the altered copy won, and the probe's task."""
    altered, readings = {}, []
    for probe in others:
        if probe.kind == kind and probe.altered is not None:
            altered[probe.comparison.id] = 1 - 2 * probe.altered
            readings += readings_of(probe.comparison, probe.answers, probe.judgments, {})
    return {
        teacher: [
            (bool(sign == altered[comparison]), task)
            for comparison, task, sign in zip(pairs.comparisons, pairs.tasks, signs(pairs.margin), strict=True)
        ]
        for teacher, pairs in balanced(readings).items()
    }


def _preferred(kind: ProbeKind, hits: Sequence[tuple[bool, str]]) -> dict[str, Any]:
    if not hits:
        return {"undefined": f"no `{kind}` probe was judged"}
    return plain_or_why(lambda: share([hit for hit, _ in hits], [task for _, task in hits]))


def _own_family(table: SideBySide, teacher: str) -> dict[str, Any]:
    try:
        return _plain(table.own_family(teacher))
    except Undefined as why:
        return {"undefined": str(why)}
