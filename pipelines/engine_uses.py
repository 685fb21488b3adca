"""What the models that prefmill loaded itself have done in a run, all its processes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

KEY = "engines"
"""Where a manifest keeps it."""


@dataclass(frozen=True, slots=True)
class EngineUse:
    """What one loaded model did in one process."""

    models: tuple[str, ...]
    """The recipe's names of the entries that shared it."""
    loads: int
    """How often it was loaded."""
    wakes: int
    """How often it was woken instead."""
    crashes: int
    load_s: float
    """Seconds spent on loading and waking it."""
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt tokens, those found in the prefix cache."""
    completion_tokens: int
    calls: int
    """Requests, failed ones included."""
    calls_s: float
    """Sum of their durations, without loading."""
    busy_s: float
    """Seconds in which it had at least one request."""


def summed(uses: Sequence[EngineUse], before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As JSON values for the manifest, with what earlier processes did added; `before`: what the manifest had."""
    earlier = {tuple(one["models"]): one for one in before}
    found = []
    for use in uses:
        one = asdict(use) | {"models": list(use.models)}
        for key, value in earlier.get(use.models, {}).items():
            if key != "models":
                one[key] = round(one[key] + value, 3)
        found.append(one)
    return found
