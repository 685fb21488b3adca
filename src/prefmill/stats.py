"""`prefmill stats`: what it shows beyond the waterfall, the calls, the biases and the ranking."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from prefmill.tables import console, table


def show_figures(figures: Mapping[str, Any]) -> None:
    """Latency, scores, labels, win rates, what local models' caches saved, and what is flagged."""
    out = sys.stdout.write
    _latency(figures["usage"])
    _scores(figures["scores"], figures["margins"])
    labels = figures["labels_told"]
    if "undefined" not in labels:
        winners = ", ".join(f"{name} {number:,}" for name, number in labels["winners"].items())
        out(f"labels: {labels['kept']:,} of {labels['n']:,} kept; winners: {winners}\n")
    _rates(figures["win_rates"])
    if isinstance(figures["caches"], list):
        for one in figures["caches"]:
            rate = one["hit_rate"]
            told = rate["undefined"] if isinstance(rate, Mapping) else f"{rate:.1%} of {one['prompt_tokens']:,} tokens"
            out(f"prefix cache of {', '.join(one['models'])}: {told}\n")
    for one in figures["flagged"]["by"]:
        out(f"flagged by {one['by']}: {one['rows']:,} of kind {one['kind']}; flagged.jsonl names them\n")


def _latency(usage: Mapping[str, Any]) -> None:
    if "undefined" in usage:
        sys.stdout.write(f"latency: {usage['undefined']}\n")
        return
    drawn = table("stage", "model", ">median s", ">95 % s", ">calls/s", ">attempts", title="How fast replies came")
    for one in usage["calls"]:
        latency = one["latency_s"]
        told = "undefined" not in latency
        found = [f"{latency['p50']:.3g}", f"{latency['p95']:.3g}"] if told else [latency["undefined"], ""]
        speed = f"{one['calls'] / one['span_s']:,.1f}" if one["span_s"] else ""
        drawn.add_row(one["stage"], one["model"], *found, speed, f"{one['attempts']:,}")
    console().print(drawn)


def _scores(scores: Mapping[str, Any], margins: Mapping[str, Any]) -> None:
    if not scores:
        return
    drawn = table(
        "teacher", ">scores", ">mean", ">pairs judged", ">first over last, mean", title="What the teachers gave"
    )
    for name, one in scores.items():
        if "undefined" in one:
            sys.stdout.write(f"scores of {name}: {one['undefined']}\n")
            continue
        gap = margins.get(name, {"undefined": ""})
        found = ("", "") if "undefined" in gap else (f"{gap['n']:,}", f"{gap['mean']:+.2f}")
        drawn.add_row(name, f"{one['n']:,}", f"{one['mean']:.2f}", *found)
    if drawn.rows:
        console().print(drawn)


def _rates(rates: Mapping[str, Any]) -> None:
    if "undefined" in rates:
        sys.stdout.write(f"win rates: {rates['undefined']}\n")
        return
    drawn = table("model", "against", ">wins, ties half", ">95 %", ">pairs", ">ties", title="Win rates of the labels")
    place = {name: number for number, name in enumerate(rates["models"])}
    for pair in sorted(rates["pairs"], key=lambda pair: (place[pair["model"]], place[pair["against"]])):
        if place[pair["model"]] > place[pair["against"]]:
            continue
        within = "" if pair["low"] is None else f"{100 * pair['low']:.1f} to {100 * pair['high']:.1f}"
        drawn.add_row(
            pair["model"], pair["against"], f"{pair['value']:.1%}", within,
            f"{pair['n']:,}", f"{pair['ties']:,}",
        )  # fmt: skip
    console().print(drawn)
