"""What sways the teachers, raw and after removal, and how far they agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bias_tables import FIGURES, SCORES, Table, bias_tables, figure_text
from . import charts
from .bias_left import REMOVABLE
from .blocks import Blocks
from .page import Section

RAW, LEFT = "as judged", "after removal"
SHARES = ("consistency", "prefer_first", "prefer_second", "refusals_preferred", "truncated_preferred", "own_family")


def bias_section(figures: Mapping[str, Any]) -> Section:
    """The section."""
    blocks = Blocks("bias", "What sways the teachers")
    bias = figures["bias"]
    if "undefined" in bias:
        blocks.missing("Bias", bias)
        return blocks.section()
    teachers = {name: one for name, one in bias["teachers"].items() if "undefined" not in one}
    for name, one in bias["teachers"].items():
        if "undefined" in one:
            blocks.missing(f"Bias of {name}", one)
    if not teachers:
        return blocks.section()
    tables: list[Table] = []
    kappa: list[Table] = []
    for one in bias_tables(bias):
        (kappa if one.title.startswith("How far") else tables).append(one)
    left = figures["bias_left"]
    scores, shares = _drawn(teachers, left, SCORES), _drawn(teachers, left, frozenset(SHARES))
    if scores:
        blocks.figure(
            "What is added to scores for something else than the content",
            "Scores on the judge's scale with 95 % intervals over tasks; 0 is no bias. Measured on pairs that say the "
            "same, or that were asked in both orders. What is removed is the estimate, so what is left is 0, give or "
            "take what the estimate does not know.",
            scores, [*tables, _left(teachers, left)], several=True, key=(RAW, LEFT) if _any(left) else (),
        )  # fmt: skip
    if shares:
        blocks.figure(
            "How often the order, or something worse, decides",
            "Shares of pairs with 95 % intervals over tasks; consistent is a pair with the same winner in both orders.",
            shares, tables, several=True,
        )  # fmt: skip
    _missing(blocks, teachers)
    agree = [{"label": pair, **one} for pair, one in bias["kappa"].items() if "undefined" not in one]
    if agree:
        blocks.figure(
            "How far the teachers agree",
            "Cohen's kappa of the winners of each two teachers, with 95 % intervals; 0 is chance, 1 is always.",
            {"": charts.intervals(agree, "kappa", ".2f", domain=[min(0, *(one["low"] for one in agree)), 1])},
            kappa,
        )  # fmt: skip
    return blocks.section()


def _drawn(teachers: Mapping[str, Any], left: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """What a figure measures -> its chart with all teachers, of those figures that were measured."""
    drawn = {}
    for key, told in FIGURES.items():
        if key not in keys:
            continue
        rows = []
        for name, one in teachers.items():
            removed = left[name].get(key, {"undefined": ""})
            for series, found in ((RAW, one[key]), (LEFT, removed)):
                if "undefined" not in found:
                    rows.append({"label": name, "series": series, **_ends(found)})
        if all(row["series"] == RAW for row in rows):
            rows = [{key: value for key, value in row.items() if key != "series"} for row in rows]
        if rows and key in SCORES:
            drawn[told] = charts.intervals(rows, "scores", ".1f", line=0, ticks=3)
        elif rows:
            ends = [-1, 1] if key == "own_family" else [0, 1]
            drawn[told] = charts.intervals(rows, "share of pairs", ".0%", domain=ends, ticks=3)
    return drawn


def _any(left: Mapping[str, Any]) -> bool:
    """Whether anything was removed."""
    return any("undefined" not in one for told in left.values() if "undefined" not in told for one in told.values())


def _ends(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**{end: found[end] for end in ("value", "low", "high")}, "n": found.get("pairs", found.get("n"))}


def _left(teachers: Mapping[str, Any], left: Mapping[str, Any]) -> Table:
    rows = tuple((FIGURES[key], *(figure_text(left[name][key]) for name in teachers)) for key in REMOVABLE)
    told = "In scores, with the 95 % interval and the pairs it rests on; a dash where it was not removed."
    return Table("What is left after removal", ("figure", *teachers), rows, told)


def _missing(blocks: Blocks, teachers: Mapping[str, Any]) -> None:
    """Why figures are not there; teachers with one reason together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, one in teachers.items():
        for key, told in FIGURES.items():
            if "undefined" in one[key]:
                reasons.setdefault((told, one[key]["undefined"]), []).append(name)
    for (told, why), names in reasons.items():
        blocks.missing(told[0].upper() + told[1:], {"undefined": f"{why} ({', '.join(names)})"})
