"""The figures of a run: its manifest, and what is counted in the parts and the ledger beside it.

`figures` gives the manifest's keys as they stand there (`run.py`, `labelling.py`), and these:

    usage       {"calls": [{stage, model, calls, failed, attempts, prompt_tokens, completion_tokens, cost_usd,
                latency_s: {p05, p25, p50, p75, p95}, first_s, last_s, span_s}, …], "retries": {kind: attempts},
                "span_s": seconds}: of the ledger, so of all times that the run was started (`usage.py`)
    losses      [{stage, status, by, reason, rows}, …]: every lost row, the largest group first (`parts.py`)
    scores      teacher -> {n, mean, histogram}: what it gave to single answers, on the judge's scale
    margins     teacher -> {n, mean, histogram}: score of the answer shown first minus that of the one shown last, of
                each judgment of a pair; where both orders are asked the mean is what standing first adds
    labels_told {n, kept, mean, winners: {first, second, tie}, histogram, confidence}: of the labels as published;
                `kept` counts those that filters left
    win_rates   {models: […], pairs: [{model, against, n, wins, ties, value, low, high}, …]}: both directions of each
                two models, a tie as half a win, over all judged pairs before filters (`win_rates.py`)
    bias_left   teacher -> figure -> what a bias that was removed can still be (`bias_left.py`)
    reliability {bins: [{low, high, rows, stated, happened}, …], rows}: of the calibration
    flagged     {rows, by: [{by, kind, rows, first}, …]}: what filters would have people look at
    caches      [{models, prompt_tokens, cached_tokens, hit_rate}, …]: of models that prefmill loaded itself

A histogram is `{"edges": [n + 1 numbers], "counts": [n]}`. What a run does not determine is `{"undefined": reason}`,
the manifest's own `bias`, `ranking`, `agreement`, `calibration` and `review` included.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from ...curation.calibration import Calibration
from ..recipe_file import load
from ..rundir import RunDirectory
from .bias_left import bias_left
from .parts import counted
from .usage import usage

WHY: Mapping[str, str] = {
    "bias": "nothing sways a teacher of single answers or of more than two at a time that prefmill measures",
    "ranking": "no answers were compared",
    "agreement": "nobody has reviewed pairs of this run",
    "calibration": "nobody has reviewed a random sample of this run",
    "review": "no review is planned: `prefmill review plan` draws one",
    "filters": "no filter of this run chooses among all rows",
}
"""Key of a manifest -> why a finished run may lack it."""
FIRST_FLAGS = 3
"""Flagged rows of each filter that are named."""


def figures(place: RunDirectory) -> dict[str, Any]:
    """The figures of a run, as JSON values. Raises `RunDirectoryError` where there is none.

    Reads the parts and the ledger once, a part at a time, and writes nothing.
    """
    manifest = place.manifest()
    told: dict[str, Any] = {**manifest, "usage": usage(place.ledger), **counted(place)}
    unfinished = None if manifest["finished"] else "the run is not finished"
    for key, why in WHY.items():
        told.setdefault(key, {"undefined": unfinished or why})
    told["bias_left"] = bias_left(told["bias"], _removed(place))
    told["reliability"] = _reliability(place, told["calibration"])
    told["flagged"] = _flagged(place)
    told["caches"] = _caches(manifest)
    return told


def _removed(place: RunDirectory) -> Collection[str]:
    """Biases that the recipe removes. It is not read as a recipe: plug-ins that it names may be gone by now."""
    recipe = load(place.recipe())
    removed = recipe.get("remove", []) if isinstance(recipe, dict) else []
    return [str(name) for name in removed] if isinstance(removed, list) else []


def _reliability(place: RunDirectory, calibration: Mapping[str, Any]) -> dict[str, Any]:
    if "undefined" in calibration:
        return dict(calibration)
    found: dict[str, Any] = Calibration.load(place.calibration).model_dump(mode="json")["reliability"]
    return found


def _flagged(place: RunDirectory) -> dict[str, Any]:
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], list[dict[str, str]]] = {}
    if place.flagged.exists():
        with place.flagged.open(encoding="utf-8") as lines:
            for line in lines:
                flag = json.loads(line)
                key = (flag["by"], flag["kind"])
                counts[key] += 1
                if counts[key] <= FIRST_FLAGS:
                    first.setdefault(key, []).append({"row_id": flag["row_id"], "detail": flag["detail"]})
    by = [
        {"by": name, "kind": kind, "rows": rows, "first": first[name, kind]}
        for (name, kind), rows in counts.most_common()
    ]
    return {"rows": counts.total(), "by": by}


def _caches(manifest: Mapping[str, Any]) -> list[dict[str, Any]] | dict[str, str]:
    engines = manifest.get("engines")
    if not engines:
        return {"undefined": "prefmill loaded no model itself; other servers keep their own counts"}
    return [
        {
            **engine,
            "hit_rate": engine["cached_tokens"] / engine["prompt_tokens"]
            if engine["prompt_tokens"]
            else {"undefined": "it was not asked"},
        }
        for engine in engines
    ]
