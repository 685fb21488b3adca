"""What a bias that was taken off the margins can still be.

Labels are debiased by the estimate itself (`curation/debias.py`), so on the same pairs nothing is left of it on
average. What is not known of the bias stays: the interval of the estimate, moved to 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...schemas.probe import Removable

REMOVABLE: Mapping[str, Removable] = {"offset": "position", "length": "length", "format": "format", "label": "label"}
"""Figure of a manifest's `bias` -> what `remove:` calls it."""


def bias_left(bias: Mapping[str, Any], removed: Collection[str]) -> dict[str, Any]:
    """Teacher -> figure -> `{value, low, high, pairs}` in scores, or `{"undefined": reason}`.

    `bias`: a manifest's. `own_family` is a share that no removal changes.
    """
    if "undefined" in bias:
        return dict(bias)
    return {
        name: told if "undefined" in told else {key: _left(told[key], key, removed) for key in (*REMOVABLE, *_KEPT)}
        for name, told in bias["teachers"].items()
    }


_KEPT = ("own_family",)


def _left(found: Mapping[str, Any], key: str, removed: Collection[str]) -> dict[str, Any]:
    if "undefined" in found:
        return dict(found)
    if key in _KEPT:
        return {"undefined": "there is no removal of it"}
    if REMOVABLE[key] not in removed:
        return {"undefined": f"the recipe's `remove` does not name {REMOVABLE[key]}"}
    value = found["value"]
    return {"value": 0.0, "low": found["low"] - value, "high": found["high"] - value, "pairs": found["pairs"]}
