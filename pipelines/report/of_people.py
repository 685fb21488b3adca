"""How far people and teachers agree, how well stated probabilities hold, and how far the review is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bias_tables import Table, figure_text
from . import charts
from .blocks import Blocks, count
from .page import Section

OF = {"agreement": "same winner", "kappa": "Cohen's kappa", "agreement_without_ties": "same winner, ties left out"}


def people_section(figures: Mapping[str, Any]) -> Section:
    """The section."""
    blocks = Blocks("people", "People")
    agreement = figures["agreement"]
    if "undefined" in agreement:
        blocks.missing("Agreement with people", agreement)
    else:
        _agreement(blocks, agreement)
    fit, bins = figures["calibration"], figures["reliability"]
    if "undefined" in fit:
        blocks.missing("Calibration", fit)
    else:
        blocks.figure(
            "How often people agree, by the probability that is stated",
            f"Out of sample, n = {count(fit['labels'])} labels by people; off by {fit['ece']:.3f} on average, of which "
            f"chance alone would be {fit['ece_of_chance']:.3f}. Brier score {fit['brier']:.3f}, by {fit['method']}.",
            {"": charts.reliability(bins["bins"])},
            [_reliability(bins)],
        )
    review = figures["review"]
    if "undefined" in review:
        blocks.missing("Review", review)
    else:
        _review(blocks, review)
    return blocks.section()


def _agreement(blocks: Blocks, agreement: Mapping[str, Any]) -> None:
    who = {"the labels": agreement["verdicts"], **agreement["teachers"]}
    rows = [{"label": name, **one["agreement"]} for name, one in who.items() if "undefined" not in one["agreement"]]
    for name, one in who.items():
        if "undefined" in one["agreement"]:
            blocks.missing(f"Agreement of {name} with people", one["agreement"])
    if not rows:
        return
    table = Table(
        "Agreement with people",
        ("who", *OF.values()),
        tuple((name, *(figure_text(one[key]) for key in OF)) for name, one in who.items()),
        "In brackets the 95 % interval over tasks, after it the pairs it rests on.",
    )
    left = ", ".join(f"{why} {count(number)}" for why, number in agreement["left_out"].items())
    blocks.figure(
        "Pairs whose winner people name, too",
        f"Share with the 95 % interval over tasks; {count(agreement['reviewed'])} pairs reviewed"
        + (f", left out: {left}." if left else "."),
        {"": charts.intervals(rows, "share of pairs", ".0%", domain=[0, 1])},
        [table],
    )
    people = agreement["people"]["agreement"]
    if "undefined" in people:
        blocks.missing("Agreement of two people", people)
    else:
        blocks.say(f"Two people who judged the same pair agree: {figure_text(people)} (share, 95 % interval, pairs).")


def _reliability(found: Mapping[str, Any]) -> Table:
    rows = tuple(
        (f"{one['low']:.2f} to {one['high']:.2f}", f"{one['stated']:.3f}", f"{one['happened']:.3f}", count(one["rows"]))
        for one in found["bins"]
    )
    return Table("Stated and observed", ("stated from, to", ">mean stated", ">people agree", ">labels"), rows)


def _review(blocks: Blocks, review: Mapping[str, Any]) -> None:
    columns = ("sample", ">pairs", ">labels wanted", ">handed out", ">done")
    rows = [
        (stratum, *(count(one[key]) for key in ("pairs", "wanted", "handed", "done")))
        for stratum, one in review["strata"].items()
    ]
    blocks.table(columns, rows, "How far the review is")
    teachers = review["teachers"]
    if "undefined" in teachers:
        blocks.missing("Agreement over all labels, from the audit", teachers)
        return
    told = f"Over all {count(review['audit']['population'])} labels that the audit was drawn from, people agree with "
    more = f"; {count(review['more'])} more labels bring that to ±{review['target']:.1%}" if review["more"] else ""
    within = f"95 %: {teachers['low']:.1%} to {teachers['high']:.1%}, n = {count(teachers['n'])}"
    blocks.say(f"{told}{teachers['value']:.1%} ({within}){more}.")
