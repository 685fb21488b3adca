"""What a run's manifest says of its teachers' bias and its models' ranking, as tables for cards and terminals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIGURES: Mapping[str, str] = {
    "offset": "for standing first",
    "length": "for 2.7 x the length",
    "format": "for markdown",
    "label": "for a maker's name",
    "consistency": "same winner swapped",
    "prefer_first": "leans to the first",
    "prefer_second": "leans to the last",
    "delta_bias": "delta bias",
    "own_family": "own family favoured",
    "refusals_preferred": "refusal preferred",
    "truncated_preferred": "cut copy preferred",
}
"""Key of a figure -> its name in a table. The first four are in scores, the others are shares."""
SCORES = frozenset({"offset", "length", "format", "label"})
COUNTS: Mapping[str, str] = {"pairs": "pairs judged", "probes": "probe pairs judged"}
EXPLAINED = (
    "Scores that a bias adds on the judge's scale, measured on pairs that say the same or were asked in both orders; "
    "then shares of pairs. In brackets the 95 % interval over tasks, after it the pairs it rests on."
)
NOT_MEASURED = "-"
_MARGIN, _GAP = 2, 3
"""Characters that a terminal's table takes around its columns, and between two of them."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title and what to say below it."""

    title: str
    columns: tuple[str, ...]
    """Those with a leading `>` stand right."""
    rows: tuple[tuple[str, ...], ...]
    explained: str = ""
    """How to read it."""
    notes: tuple[str, ...] = ()


def bias_tables(bias: Mapping[str, Any], width: int | None = None) -> Iterator[Table]:
    """The teachers' figures side by side, and how far their winners agree.

    `bias`: as `curation/bias_report.py` makes it. `width`: characters that a table may take; several tables where the
    teachers do not fit into one.
    """
    read = {name: told for name, told in bias["teachers"].items() if "undefined" not in told}
    silent = tuple(f"{name}: {told['undefined']}" for name, told in bias["teachers"].items() if "undefined" in told)
    groups = _groups(read, width) or [()]
    for number, names in enumerate(groups):
        last = number == len(groups) - 1
        yield Table(
            "What sways the teachers",
            ("figure", *names),
            tuple(_rows(read, names)) if names else (),
            EXPLAINED if last and names else "",
            (*_reasons(read), *silent) if last else (),
        )
    if kappa := bias["kappa"]:
        pairs = tuple((pair, figure_text(found)) for pair, found in kappa.items())
        notes = tuple(f"{pair}: {found['undefined']}" for pair, found in kappa.items() if "undefined" in found)
        yield Table("How far the teachers agree", ("teachers", "Cohen's kappa of winners"), pairs, notes=notes)


def ranking_tables(ranking: Mapping[str, Any]) -> Iterator[Table]:
    """The answering models in order of strength. `ranking`: `raw`, and `debiased` where biases were removed; each what
    `curation.ranking.ranking_plain` gives, or `{"undefined": reason}`."""
    for key, which in (("raw", "as judged"), ("debiased", "without the biases that are removed")):
        if (found := ranking.get(key)) is None:
            continue
        title = f"The models' strength, {which}"
        if "undefined" in found:
            yield Table(title, (">rank", "model"), (), notes=(found["undefined"],))
            continue
        rows = tuple(_ranked(model) for model in found["models"])
        told = (
            f"Bradley-Terry over {found['pairs']:,} pairs of {found['tasks']:,} tasks, {found['ties']:,} tied, with "
            "95 % intervals; the last column is how sure it is that a model is stronger than the next."
        )
        yield Table(title, (">rank", "model", "strength (logits)", "ranks", ">above next"), rows, told)


def figure_text(figure: Mapping[str, Any], key: str = "") -> str:
    """`0.66 [0.57, 0.75] 212` of a measured figure, shares in percent; a dash where it was not measured."""
    if "undefined" in figure:
        return NOT_MEASURED
    count = figure.get("pairs", figure.get("n", 0))
    value, low, high = (figure[end] for end in ("value", "low", "high"))
    if key in FIGURES and key not in SCORES:
        return f"{value:.1%} [{100 * low:.1f}, {100 * high:.1f}] {count:,}"
    return f"{value:.2f} [{low:.2f}, {high:.2f}] {count:,}"


def _rows(read: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for key, label in FIGURES.items():
        yield (label, *(figure_text(read[name][key], key) for name in names))
    for key, label in COUNTS.items():
        yield (label, *(f"{read[name][key]:,}" for name in names))


def _groups(read: Mapping[str, Any], width: int | None) -> list[tuple[str, ...]]:
    """Teachers that fit side by side."""
    groups: list[tuple[str, ...]] = []
    left = 0
    for name in read:
        wide = _GAP + max(len(name), *(len(row[1]) for row in _rows(read, [name])))
        if not groups or (width is not None and wide > left):
            groups.append(())
            left = (width or 0) - _MARGIN - max(map(len, FIGURES.values()))
        groups[-1] = (*groups[-1], name)
        left -= wide
    return groups


def _reasons(read: Mapping[str, Any]) -> Iterator[str]:
    """Why figures are missing; figures and teachers with one reason together."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, told in read.items():
        reasons: dict[str, list[str]] = {}
        for key, label in FIGURES.items():
            if "undefined" in told[key]:
                reasons.setdefault(told[key]["undefined"], []).append(label)
        for why, labels in reasons.items():
            found.setdefault((why, tuple(labels)), []).append(name)
    for (why, figures), names in found.items():
        yield f"{', '.join(figures)}: {why} ({', '.join(names)})"


def _ranked(model: Mapping[str, Any]) -> tuple[str, ...]:
    best, worst = model["ranks"]
    strength, above = model["strength"], model["above_next"]
    return (
        str(model["rank"]),
        model["model"],
        f"{strength['value']:.2f} [{strength['low']:.2f}, {strength['high']:.2f}]",
        str(best) if best == worst else f"{best} to {worst}",
        "" if above is None else f"{above:.0%}",
    )
