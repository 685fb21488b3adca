"""What became of the rows: the waterfall, what was lost and why, what is flagged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..bias_tables import Table
from . import charts
from .blocks import Blocks, count, share
from .page import Section

MOST = 200
"""Rows of a table of losses or figures of filters."""


def rows_section(figures: Mapping[str, Any]) -> Section:
    """The section; a run that was killed before its end has no waterfall."""
    blocks = Blocks("rows", "Rows: kept and lost")
    stages = {name: found for name, found in figures.get("stages", {}).items() if found["in"]}
    if not stages:
        blocks.missing("What became of the rows", {"undefined": "nothing has come through to the end"})
        return blocks.section()
    blocks.figure(
        "Kept, dropped and failed rows of each stage",
        "Share of the rows that entered a stage. Filters drop rows; a failed row has no content. "
        "In = kept + dropped + failed, counted apart.",
        {"": charts.kept(stages)},
        key=list(charts.KEPT),
        tables=[
            Table(
                "Rows of each stage", ("stage", ">in", ">kept", ">dropped", ">failed", ">kept of in"), _counts(stages)
            )
        ],
    )
    losses = figures["losses"]
    rows = [(one["stage"], one["status"], one["by"] or "–", one["reason"], count(one["rows"])) for one in losses[:MOST]]
    if rows:
        total = count(sum(one["rows"] for one in losses))
        blocks.table(("stage", "what", "by", "reason", ">rows"), rows, f"Lost rows by reason, n = {total}")
    else:
        blocks.say("No row was lost.")
    if "undefined" not in figures["filters"]:
        told = list(_told(figures["filters"]))[:MOST]
        blocks.table(
            ("filter", "figure", ">value"), told, "What filters that choose among all rows say of their choice"
        )
    if grid := figures.get("grid"):
        held = [(score, count(number)) for score, number in grid["rows"].items()]
        blocks.table(
            ("intended score", ">rows"), held, "Answers that were written to deserve a score, kept on an even grid"
        )
    flagged = figures["flagged"]
    if flagged["rows"]:
        blocks.table(
            ("by", "kind", ">rows", "first"),
            [
                (
                    one["by"],
                    one["kind"],
                    count(one["rows"]),
                    "; ".join(f"{row['row_id']}: {row['detail']}" for row in one["first"]),
                )
                for one in flagged["by"]
            ],
            f"Rows that filters would have people look at, n = {count(flagged['rows'])}; all are in flagged.jsonl",
        )
    return blocks.section()


def _counts(stages: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            stage,
            count(found["in"]),
            count(found["kept"]),
            count(sum(found["dropped"].values())),
            count(sum(found["failed"].values())),
            share(found["kept"], found["in"]),
        )
        for stage, found in stages.items()
    )


def _told(filters: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, told in filters.items():
        for path, value in _flat(told):
            yield name, path, f"{value:,}" if isinstance(value, int | float) else str(value)


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path} {key}".strip())
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, value
