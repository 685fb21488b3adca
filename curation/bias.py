"""What a teacher's bias adds to a margin, measured where the truth is known to be equal.

The place offset comes from pairs that a teacher judged in both orders: half of what the order changed has nothing to do
with the answers. Length, markdown and a maker's name come from probe pairs, the same content padded, reformatted or
signed: regressing real verdicts on length would count honest evidence as bias, since better answers tend to be longer.

The three are estimated jointly, because copies differ in more than what was meant: markdown adds words, and padding
repeats markdown. All are constants of a teacher and a judge's prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..schemas.probe import ProbeKind, Removable
from .balanced import Balanced, balanced
from .least_squares import Effect, through_origin
from .readings import Reading

LEAST: Mapping[Removable, int] = MappingProxyType({"position": 100, "length": 50, "format": 25, "label": 25})
"""Fewest pairs that an effect is estimated from.

Enough for a standard error of about 0.1 of a grade, with the 0.3 to 0.5 by which a probe pair in both orders scatters
(simulated judges with the rates of published ones): 25 copies with the whole advantage, 1, give that, and so do 50
padded ones, whose log length ratio is 0.4 to 1.1; an offset should be better known than that, since it is in every
margin. `probes` gives each kind but `padded` a ninth of its pairs, so that about 300 probe pairs measure everything.
Fewer than 25 tasks would leave the clustered errors themselves uncertain."""
_INFORMS: Mapping[ProbeKind, Removable] = MappingProxyType(
    {"padded": "length", "reformatted": "format", "relabelled": "label"}
)
_SAID: Mapping[Removable, str] = MappingProxyType(
    {
        "position": "pairs judged in both orders",
        "length": "`padded` probes judged",
        "format": "`reformatted` probes judged",
        "label": "`relabelled` probes judged",
    }
)


@dataclass(frozen=True, slots=True)
class Bias:
    """What sways one teacher. An effect is None where it was not measured; `missing` says why."""

    offset: Effect | None
    """Added to the score of the answer shown first over that of the one shown last."""
    spread: float | None
    """Standard deviation between pairs of that offset, call noise and rounding included."""
    slope: Effect | None
    """Added for one unit of log length ratio, for an answer 2.7 times as long with the same content."""
    format: Effect | None
    """Added where one answer has markdown and the other, with the same words, has none."""
    label: Effect | None
    """Added for the name of a famous maker."""
    missing: Mapping[Removable, str]
    """Why an effect is None: how many pairs there were, and how many are needed."""

    def effect(self, name: Removable) -> Effect | None:
        """The effect of one bias."""
        effects = {"position": self.offset, "length": self.slope, "format": self.format, "label": self.label}
        return effects[name]


def measure(
    judged: Sequence[Reading], probes: Sequence[Reading] = (), *, least: Mapping[Removable, int] = LEAST
) -> dict[str, Bias]:
    """Each teacher's bias; teachers in the order of the alphabet.

    `judged`: readings of real pairs. `probes`: of pairs that say the same (`readings.probe_readings`); they count for
    the offset as well. An effect with fewer than `least` pairs behind it is None, and so is one that the
    probes cannot tell from another.
    """
    return {teacher: _bias(pairs, least) for teacher, pairs in balanced((*judged, *probes)).items()}


def _bias(pairs: Balanced, least: Mapping[Removable, int]) -> Bias:
    missing: dict[Removable, str] = {}
    half = pairs.half
    told = np.flatnonzero(~np.isnan(half))
    offset = None
    if _enough("position", len(told), least, missing):
        try:
            (offset,) = through_origin(np.ones((len(told), 1)), half[told], [pairs.tasks[row] for row in told])
        except ValueError as why:
            missing["position"] = str(why)
    effects = _of_probes(pairs, offset, least, missing)
    return Bias(
        offset=offset,
        spread=float(np.std(half[told], ddof=1)) if offset else None,
        slope=effects.get("length"),
        format=effects.get("format"),
        label=effects.get("label"),
        missing=missing,
    )


def _of_probes(
    pairs: Balanced, offset: Effect | None, least: Mapping[Removable, int], missing: dict[Removable, str]
) -> dict[Removable, Effect]:
    """What the probe pairs tell. A pair counts for the advantage that its copy was made to have."""
    place = pairs.advantages["position"]
    rows: dict[Removable, list[int]] = {name: [] for name in _INFORMS.values()}
    for row, kind in enumerate(pairs.kinds):
        name = _INFORMS.get(kind) if kind is not None else None
        # A probe read in one order only has the offset in it.
        if name is not None and pairs.advantages[name][row] and (offset or not place[row]):
            rows[name].append(row)
    names = [name for name in rows if _enough(name, len(rows[name]), least, missing)]
    used = np.array(sorted(row for name in names for row in rows[name]), dtype=np.int64)
    if not names:
        return {}
    columns = np.column_stack([pairs.advantages[name][used] for name in names])
    margins = pairs.margin[used] - (offset.value if offset else 0.0) * place[used]
    try:
        found = through_origin(columns, margins, [pairs.tasks[row] for row in used])
    except ValueError:
        missing |= dict.fromkeys(names, f"the probes cannot tell {', '.join(names)} apart")
        return {}
    # An effect is no surer than the pairs are many that were made to show it.
    return {
        name: Effect(effect.value, effect.error, len(rows[name]), len({pairs.tasks[row] for row in rows[name]}))
        for name, effect in zip(names, found, strict=True)
    }


def _enough(name: Removable, pairs: int, least: Mapping[Removable, int], missing: dict[Removable, str]) -> bool:
    if pairs < least[name]:
        missing[name] = f"{pairs:,} {_SAID[name]}, and {least[name]:,} are needed"
    return pairs >= least[name]
