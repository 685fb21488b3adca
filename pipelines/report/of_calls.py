"""What the run asked for: calls, tokens, cost and time of each stage and model, and the engines it loaded itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..bias_tables import Table
from . import charts
from .blocks import Blocks, count, money, share, span
from .page import Section


def calls_section(figures: Mapping[str, Any]) -> Section:
    """The section."""
    blocks = Blocks("calls", "Calls, cost and time")
    used = figures["usage"]
    if "undefined" in used:
        blocks.missing("Calls", used)
        return blocks.section()
    stages = Counter(one["model"] for one in used["calls"])
    calls = [{**one, "several": stages[one["model"]] > 1} for one in used["calls"]]
    priced = [one for one in calls if one["cost_usd"]]
    if priced:
        drawn = charts.amounts(_amounts(priced, "cost_usd", money), "US dollars", "$,.6~f")
        what, of = "Cost by model", "Dollars, at the price in force when a call was made."
    else:
        drawn = charts.amounts(_amounts(calls, "completion_tokens", count), "tokens", "~s")
        what, of = (
            "Tokens written by each model",
            "Completion tokens, as the endpoints counted them; no price is known.",
        )
    total = sum(one["calls"] for one in calls)
    blocks.figure(what, f"{of} n = {count(total)} calls.", {"": drawn}, [_calls(calls)])
    timed = [one for one in calls if "undefined" not in one["latency_s"]]
    if timed:
        blocks.figure(
            "Latency of answered calls",
            "Seconds of the last attempt: middle half as a bar, 5 % to 95 % as a line, the median as a point.",
            {"": charts.spans([{"label": _name(one), **one["latency_s"]} for one in timed], "seconds")},
            [_times(timed)],
        )
    if used["retries"]:
        rows = [(kind, count(number)) for kind, number in used["retries"].items()]
        blocks.table(("attempt failed by", ">attempts"), rows, "Attempts that failed and were followed by another")
    _caches(blocks, figures["caches"])
    return blocks.section()


def _name(one: Mapping[str, Any]) -> str:
    return f"{one['model']} ({one['stage']})" if one["several"] else str(one["model"])


def _amounts(calls: Sequence[Mapping[str, Any]], key: str, as_text: Callable[[float], str]) -> list[dict[str, Any]]:
    largest_first = sorted(calls, key=lambda one: -one[key])
    return [{"label": _name(one), "value": one[key], "text": as_text(one[key])} for one in largest_first]


def _calls(calls: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("stage", "model", ">calls", ">given up", ">attempts", ">tokens in", ">tokens out", ">cost", ">no price")
    rows = [
        (
            one["stage"],
            one["model"],
            *(count(one[key]) for key in ("calls", "failed", "attempts", "prompt_tokens", "completion_tokens")),
            money(one["cost_usd"]),
            count(one["unpriced"]),
        )
        for one in calls
    ]
    return Table("Calls of each stage and model", columns, tuple(rows))


def _times(calls: Sequence[Mapping[str, Any]]) -> Table:
    quantiles = ("p05", "p25", "p50", "p75", "p95")
    rows = [
        (
            one["stage"],
            one["model"],
            *(f"{one['latency_s'][key]:.3g}" for key in quantiles),
            span(one["span_s"]),
            f"{one['calls'] / one['span_s']:,.1f}" if one["span_s"] else "–",
        )
        for one in calls
    ]
    told = "The span is from a model's first call to its last one, pauses between two starts of the run included."
    columns = ("stage", "model", *(f">{key}" for key in quantiles), ">span", ">calls/s")
    return Table("Latency in seconds", columns, tuple(rows), told)


def _caches(blocks: Blocks, caches: Any) -> None:  # noqa: ANN401 - JSON values
    if isinstance(caches, Mapping):
        return
    columns = (
        "models",
        ">loads",
        ">woken",
        ">crashes",
        ">loading",
        ">prompt tokens",
        ">from the prefix cache",
        ">hit rate",
    )
    rows = [
        (
            ", ".join(one["models"]),
            *(count(one[key]) for key in ("loads", "wakes", "crashes")),
            span(one["load_s"]),
            count(one["prompt_tokens"]),
            count(one["cached_tokens"]),
            share(one["cached_tokens"], one["prompt_tokens"]),
        )
        for one in caches
    ]
    blocks.table(columns, rows, "Models that prefmill loaded itself, and what their prefix cache saved")
