"""`prefmill diff` at the terminal: what differs, the largest things first; what is the same is not listed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from prefmill.pipelines.report.written import shown
from prefmill.tables import console, money, table

NOT_THERE = "-"


def show_differences(found: Mapping[str, Any]) -> None:
    """What `pipelines.diff.diff` gives."""
    out = sys.stdout.write
    out(f"A: {found['a']}\nB: {found['b']}\n")
    if found["kind"] == "files":
        _rows("rows", found["rows"])
        for side, number in found["malformed"].items():
            if number:
                out(f"{side.upper()}: {number:,} places that hold no row of {found['format']}\n")
        return
    for side, finished in found["finished"].items():
        if not finished:
            out(f"{side.upper()} is not finished: what it lacks may still come\n")
    out("recipe: the same\n" if not found["recipe"] else f"recipe: {len(found['recipe']):,} differences\n")
    for line in found["recipe"]:
        out(f"  {shown(line)}\n")
    _stages(found["stages"])
    _calls(found)
    tasks = found["tasks"]
    out(f"tasks: {tasks['both']:,} in both, {tasks['only_a']:,} only in A, {tasks['only_b']:,} only in B\n")
    for what in ("labels", "grades"):
        if found[what]["a"] or found[what]["b"]:
            _rows(what, found[what])


def _stages(stages: Mapping[str, Any]) -> None:
    drawn = table("stage", ">in A", ">in B", ">kept A", ">kept B", title="Stages that differ")
    for stage, one in stages.items():
        before, after = one["a"], one["b"]
        if before == after:
            continue
        cells = [f"{side[key]:,}" if side else NOT_THERE for key in ("in", "kept") for side in (before, after)]
        drawn.add_row(stage, *cells)
    if drawn.rows:
        console().print(drawn)
    else:
        sys.stdout.write("stages: the same counts\n")


def _calls(found: Mapping[str, Any]) -> None:
    drawn = table("stage", "model", ">calls A", ">calls B", ">cost A", ">cost B", title="Calls that differ")
    for one in found["calls"]:
        before, after = one["a"], one["b"]
        if before == after:
            continue
        calls = [f"{side['calls']:,}" if side else NOT_THERE for side in (before, after)]
        costs = [money(side["cost_usd"]) if side else NOT_THERE for side in (before, after)]
        drawn.add_row(one["stage"], one["model"], *calls, *costs)
    if not drawn.rows:
        sys.stdout.write("calls: the same\n")
        return
    console().print(drawn)
    cost = found["cost_usd"]
    sys.stdout.write(f"cost: {money(cost['a'])} in A, {money(cost['b'])} in B\n")


def _rows(what: str, rows: Mapping[str, Any]) -> None:
    out = sys.stdout.write
    changed = ", ".join(f"{name} {number:,}" for name, number in rows["changed"].items() if number) or "none"
    out(
        f"{what}: {rows['a']:,} in A, {rows['b']:,} in B; {rows['both']:,} in both, {rows['same']:,} the same, "
        f"{rows['only_a']:,} only in A, {rows['only_b']:,} only in B\nchanged: {changed}\n"
    )
    for side in ("only_a", "only_b"):
        for row in rows["first"][side]:
            out(f"  only in {side[-1].upper()}: {_told(row)}\n")
    for pair in rows["first"]["changed"]:
        out(f"  {shown(pair['a']['row'])}: {_label(pair['a'])} -> {_label(pair['b'])}\n")


def _told(row: Mapping[str, Any]) -> str:
    return f"{shown(row['row'])}: {_label(row)}"


def _label(row: Mapping[str, Any]) -> str:
    scores = ", ".join(f"{score:.4g}" for score in row["scores"])
    label = " ".join(filter(None, [row["winner"], f"({scores})" if scores else ""])) or "no label"
    return label if row["kept"] else f"{label}, dropped"
