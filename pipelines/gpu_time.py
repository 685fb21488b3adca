"""How long the models that prefmill loads itself would take, from what a sample has shown of them.

A sample is small: an engine that batches is never full with it. Two bounds follow. If more requests at a time made no
request slower, all of them would take their mean duration times their number over `max_in_flight`; if the engine gave
no more than it gave the sample, they would take as long in proportion. The truth lies between: decoding is bound by
memory until batches are large (https://arxiv.org/abs/2309.06180, section 2), and by arithmetic from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..generators.hosting.settings import Hosted
from .extrapolate import Use


@dataclass(frozen=True, slots=True)
class EngineTime:
    """What one loaded model would take."""

    models: tuple[str, ...]
    """The recipe's names of the entries that share it."""
    gpus: int
    """How many it takes, all copies together; on a machine without a GPU it runs on the CPU."""
    load_s: float
    """Seconds to load it once, as the sample took."""
    low_s: float
    """Seconds of work, if more requests at a time make none slower."""
    high_s: float
    """Seconds of work, if the engine gives no more than it gave the sample."""


def engine_times(
    measured: Sequence[Mapping[str, Any]], order: Sequence[Hosted], uses: Mapping[tuple[str, str], Use]
) -> tuple[EngineTime, ...]:
    """A line for each model of which the sample has shown something.

    `measured`: `engine_uses.EngineUse` as JSON values; `order`: an entry of each engine; `uses`: stage and model ->
    what the whole run would use.
    """
    found = []
    for one in measured:
        provider = next((p for p in order if p.label in one["models"]), None)
        if provider is None or not one["calls"] or not one["loads"]:
            continue
        calls = sum(use.calls.expected for (_, model), use in uses.items() if model in one["models"])
        low = calls * one["calls_s"] / one["calls"] / provider.max_in_flight
        high = calls * one["busy_s"] / one["calls"]
        found.append(
            EngineTime(
                tuple(one["models"]),
                provider.gpus * provider.replicas,
                round(one["load_s"] / one["loads"], 1),
                round(min(low, high), 1),
                round(high, 1),
            )
        )
    return tuple(found)
