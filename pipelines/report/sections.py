"""The sections of the page, of the figures of a run: what it is, then a file for each of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Blocks, count, money, share, span
from .of_bias import bias_section
from .of_calls import calls_section
from .of_models import models_section
from .of_people import people_section
from .of_rows import rows_section
from .of_scores import scores_section
from .page import Section
from .written import text

SIMULATED = "simulated: answers and judgments come from the simulated world"


def sections(figures: Mapping[str, Any]) -> Sequence[Section]:
    """All sections, in the order of the page. `figures`: as `figures.py` makes them."""
    makers = (rows_section, calls_section, scores_section, models_section, bias_section, people_section)
    return (_overview(figures), *(make(figures) for make in makers))


def _overview(figures: Mapping[str, Any]) -> Section:
    blocks = Blocks("overview", "Overview")
    flags = [f'<li class="warn">{text(SIMULATED)}</li>'] if figures["simulated"] else []
    if not figures["finished"]:
        why = figures.get("stopped", "it was killed; its recipe run again goes on")
        flags.append(f'<li class="warn">not finished: {text(why)}</li>')
    if flags:
        blocks.add(f'<ul class="flags">{"".join(flags)}</ul>')
    tiles = "".join(
        f"<div><dt>{text(what)}</dt><dd>{text(number)}<small>{text(beside)}</small></dd></div>"
        for what, number, beside in _tiles(figures)
    )
    blocks.add(f'<dl class="tiles">{tiles}</dl>')
    blocks.say(_said(figures))
    return blocks.section()


def _said(figures: Mapping[str, Any]) -> str:
    versions = figures.get("versions", {}).items()
    when = f"ended {figures['ended']}" if "ended" in figures else f"begun {figures.get('started', 'at some time')}"
    made = ", ".join(f"{name} {version}" for name, version in (*versions, ("Python", figures.get("python", "?"))))
    return f"Seed {figures['seed']}; {when}; {made}."


def _tiles(figures: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    tiles: list[tuple[str, str, str]] = []
    stages = figures.get("stages", {})
    if tasks := stages.get("tasks"):
        tiles.append(("tasks", count(tasks["kept"]), f"of {count(tasks['in'])} read"))
    if "undefined" not in figures["labels_told"]:
        told = figures["labels_told"]
        ties = share(told["winners"]["tie"], told["n"])
        tiles.append(("labels kept", count(told["kept"]), f"of {count(told['n'])} judged; {ties} ties"))
    elif (grades := stages.get("grades")) and grades["in"]:
        tiles.append(("grades kept", count(grades["kept"]), f"of {count(grades['in'])}"))
    used = figures["usage"]
    if "undefined" not in used:
        calls = sum(one["calls"] for one in used["calls"])
        failed = sum(one["failed"] for one in used["calls"])
        prompt, reply = (sum(one[key] for one in used["calls"]) for key in ("prompt_tokens", "completion_tokens"))
        costs = [one["cost_usd"] for one in used["calls"] if one["cost_usd"] is not None]
        unpriced = sum(one["unpriced"] for one in used["calls"])
        tiles += [
            ("calls", count(calls), f"{count(failed)} given up"),
            ("tokens", _short(prompt + reply), f"{_short(prompt)} in, {_short(reply)} out"),
            (
                "cost",
                money(sum(costs) if costs else None),
                f"{count(unpriced)} calls without a price" if unpriced else "at the prices of the day",
            ),
            ("time", span(used["span_s"]), "first call to last"),
        ]
    return tiles


def _short(number: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if unit == 'k' else size):.3g} {unit}"
    return f"{number:,.0f}"
