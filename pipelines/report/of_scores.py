"""What the teachers gave, and the labels that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bias_tables import Table
from . import charts
from .blocks import Blocks, count, share
from .page import Section


def scores_section(figures: Mapping[str, Any]) -> Section:
    """The section."""
    blocks = Blocks("scores", "Scores and labels")
    _each(
        blocks, figures["scores"], "Scores of each teacher", "What it gave to single answers, on the judge's scale.",
        ("score", "grades"),
    )  # fmt: skip
    _each(
        blocks, figures["margins"], "Margins of each teacher",
        "Score of the answer shown first minus that of the one shown last, in scores. Where both orders are asked, a "
        "teacher that nothing but the answers sways is symmetric about 0.",
        ("margin as shown", "judgments"), zero=True,
    )  # fmt: skip
    labels = figures["labels_told"]
    if "undefined" in labels:
        blocks.missing("Labels", labels)
        return blocks.section()
    winners = labels["winners"]
    if "histogram" in labels:
        blocks.figure(
            "Margins of the labels",
            f"The comparison's first answer minus its second, in scores, over all n = {count(labels['n'])} judged "
            f"pairs before filters; filters left {count(labels['kept'])}. The order of a pair is drawn at random.",
            {"": charts.histogram(labels["histogram"], "margin", "labels", zero=True)},
            [_bins("Labels by margin", labels["histogram"], "labels")],
        )
    judged = sum(winners.values())
    blocks.table(
        ("winner", ">labels", ">share"),
        [(name, count(number), share(number, judged)) for name, number in winners.items()],
        f"Winners in the comparison's own order, n = {count(judged)}",
    )
    if "undefined" not in labels["confidence"]:
        blocks.figure(
            "How sure the labels are",
            f"Calibrated probability that people agree, n = {count(labels['confidence']['n'])} labels.",
            {"": charts.histogram(labels["confidence"]["histogram"], "probability", "labels")},
            [_bins("Labels by confidence", labels["confidence"]["histogram"], "labels")],
        )
    return blocks.section()


def _each(
    blocks: Blocks, found: Mapping[str, Any], title: str, told: str, axes: tuple[str, str], *, zero: bool = False
) -> None:
    """A histogram for each teacher, side by side. `axes`: what a value is called, and what is counted."""
    value, counted = axes
    drawn = {name: one for name, one in found.items() if "undefined" not in one}
    if drawn:
        places = {
            f"{name} (n = {count(one['n'])}, mean {one['mean']:.2f})": charts.histogram(
                one["histogram"], value, counted, zero=zero, beside=[other["histogram"] for other in drawn.values()]
            )
            for name, one in drawn.items()
        }
        tables = [_bins(name, one["histogram"], counted) for name, one in drawn.items()]
        blocks.figure(title, told, places, tables, several=True)
    for name, one in found.items():
        if "undefined" in one:
            blocks.missing(f"{title}: {name}", one)


def _bins(title: str, histogram: Mapping[str, Any], counted: str) -> Table:
    edges = histogram["edges"]
    rows = tuple(
        (f"{low:g} to {high:g}", count(number))
        for low, high, number in zip(edges, edges[1:], histogram["counts"], strict=False)
    )
    return Table(title, ("from, to", f">{counted}"), rows)
