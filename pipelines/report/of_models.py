"""How the answering models rank, and how often one beats another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bias_tables import Table, ranking_tables
from . import charts
from .blocks import Blocks, count
from .page import Section

SERIES = {"raw": "as judged", "debiased": "biases removed"}
MOST = 20
"""Models of a matrix that can still be read; of more only the table is there."""


def models_section(figures: Mapping[str, Any]) -> Section:
    """The section."""
    blocks = Blocks("models", "Answering models")
    ranking = figures["ranking"]
    if "undefined" in ranking:
        blocks.missing("Ranking", ranking)
    else:
        _ranking(blocks, ranking)
    rates = figures["win_rates"]
    if "undefined" in rates:
        blocks.missing("Win rates", rates)
        return blocks.section()
    pairs = rates["pairs"]
    n = count(sum(pair["n"] for pair in pairs) / 2)
    title, told = (
        "Win rates",
        (
            f"Share of pairs in which the row's model beats the column's, a tie as half a win; n = {n} judged pairs of "
            "different models, labels as published, before filters."
        ),
    )
    rows = tuple(
        (
            pair["model"], pair["against"], f"{pair['value']:.1%}", _interval(pair), count(pair["n"]),
            count(pair["wins"]), count(pair["ties"]),
        )
        for pair in sorted(pairs, key=lambda pair: (rates["models"].index(pair["model"]), -pair["value"]))
    )  # fmt: skip
    table = Table(
        "Win rates with Wilson's 95 % intervals over tasks",
        ("model", "against", ">rate", ">95 %", ">pairs", ">wins", ">ties"),
        rows,
    )
    drawn = {"": charts.matrix(rates["models"], pairs)} if len(rates["models"]) <= MOST else {}
    blocks.figure(title, told, drawn, [table])
    return blocks.section()


def _interval(pair: Mapping[str, Any]) -> str:
    if pair["low"] is None:
        return str(pair["undefined_interval"])
    return f"{100 * pair['low']:.1f} to {100 * pair['high']:.1f}"


def _ranking(blocks: Blocks, ranking: Mapping[str, Any]) -> None:
    told = {key: one for key in SERIES if (one := ranking.get(key)) is not None}
    found = {key: one for key, one in told.items() if "undefined" not in one}
    for key, one in told.items():
        if key not in found:
            blocks.missing(f"Ranking, {SERIES[key]}", one)
    several = len(found) > 1
    rows = [
        {
            "label": model["model"],
            **model["strength"],
            "n": one["pairs"],
            **({"series": SERIES[key]} if several else {}),
        }
        for key, one in found.items()
        for model in one["models"]
    ]
    if rows:
        blocks.figure(
            "Strength of the models",
            f"Bradley-Terry strength in logits with 95 % intervals over tasks, n = {count(rows[0]['n'])} judged pairs "
            "before filters. One logit above another is a win in 73 % of pairs; 0 is the mean of the models.",
            {"": charts.intervals(rows, "strength (logits)", ".1f", line=0)},
            list(ranking_tables(ranking)),
            key=[SERIES[key] for key in found] if several else (),
        )
