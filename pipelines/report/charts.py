"""The charts of the page, as Vega-Lite specifications that altair makes and checks against its schema.

Colours are CSS variables of `page.css`, so that a chart follows the page's theme; only scales that need no blending
have any. All are as wide as their place; a row is `ROW` high; names get two fifths of the width at most (`page.js`) and
stand whole in the table below. Keys to colours stand beside a chart, as text (`blocks.py`). Whatever a run has named
comes in as data, visible characters only (`written.shown`), and in no specification's own fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from .written import shown

Datum = Mapping[str, Any]
ROW = 28
"""Pixels for one row of a chart whose rows have names."""
HIGH = 130
"""Pixels of a histogram."""
INK, MUTED, GRID, RULE = "var(--ink)", "var(--muted)", "var(--grid)", "var(--rule)"
MAIN, SOFT, SECOND, THIRD, PAPER = (
    "var(--main)", "var(--main-soft)", "var(--second)", "var(--third)", "var(--paper)",
)  # fmt: skip
DIVERGING = [f"var(--d{step})" for step in range(7)]
KEPT = {"kept": SOFT, "dropped": SECOND, "failed": THIRD}
"""What became of a row -> its colour; `page.css` has the same for the keys beside charts."""
SERIES = (MAIN, SECOND)
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED, "titleColor": MUTED, "gridColor": GRID, "domainColor": RULE, "tickColor": RULE,
        "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "tickSize": 4,
    },
    "axisY": {"domain": False, "ticks": False, "labelPadding": 8},
    "text": {"fontSize": 11, "fill": INK},
}  # fmt: skip


def kept(stages: Mapping[str, Any]) -> dict[str, Any]:
    """Of the rows that entered each stage, the shares that were kept, dropped and failed."""
    rows, told = [], []
    for stage, count in stages.items():
        lost = {"dropped": sum(count["dropped"].values()), "failed": sum(count["failed"].values())}
        for place, (what, number) in enumerate({"kept": count["kept"], **lost}.items()):
            rows.append(
                {"stage": shown(stage), "what": what, "rows": number, "share": number / count["in"], "place": place}
            )
        told.append({"stage": shown(stage), "text": f"{count['kept']:,} of {count['in']:,}"})
    names = [row["stage"] for row in told]
    y = alt.Y("stage:N", sort=names, axis=alt.Axis(title=None))
    colours = alt.Scale(domain=list(KEPT), range=list(KEPT.values()))
    bars = (
        _chart(rows)
        .mark_bar(height=18)
        .encode(
            x=alt.X("share:Q", stack="zero", scale=alt.Scale(domain=[0, 1]), axis=_axis("share of rows in", ".0%")),
            y=y,
            color=alt.Color("what:N", scale=colours, legend=None),
            order="place:Q",
            tooltip=["stage:N", "what:N", alt.Tooltip("rows:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
        )
    )
    texts = _chart(told).mark_text(align="left", dx=6)
    return _finished(bars + texts.encode(y=y, x=alt.value(0), text="text:N"), len(names))


def amounts(rows: Sequence[Datum], title: str, format: str) -> dict[str, Any]:
    """Bars with their amounts: rows of `label`, `value` and `text`, how the amount is written, in this order."""
    data = [{**row, "label": shown(row["label"])} for row in rows]
    scale = alt.Scale(domain=[0, 1.12 * max(row["value"] for row in data)], nice=False)
    base = _chart(data).encode(
        y=alt.Y("label:N", sort=[row["label"] for row in data], axis=alt.Axis(title=None)),
        x=alt.X("value:Q", axis=_axis(title, format), scale=scale),
        tooltip=["label:N", alt.Tooltip("text:N", title=title)],
    )
    text = base.mark_text(align="left", dx=5).encode(text="text:N")
    return _finished(base.mark_bar(height=12, color=MAIN) + text, len(data))


def spans(rows: Sequence[Datum], title: str) -> dict[str, Any]:
    """Quantiles: a thin line from p05 to p95, a thick one from p25 to p75, a point at p50. Rows have `label` too."""
    data = [{**row, "label": shown(row["label"])} for row in rows]
    base = _chart(data).encode(
        y=alt.Y("label:N", sort=[row["label"] for row in data], axis=alt.Axis(title=None)),
        tooltip=["label:N", *(alt.Tooltip(f"{key}:Q", format=",.3~f") for key in ("p05", "p25", "p50", "p75", "p95"))],
    )
    axis, scale = _axis(title, ",.3~f"), alt.Scale(domainMin=0)
    thin = base.mark_rule(color=MAIN).encode(x=alt.X("p05:Q", axis=axis, scale=scale), x2="p95:Q")
    thick = base.mark_bar(height=8, color=SOFT).encode(x=alt.X("p25:Q"), x2="p75:Q")
    middle = base.mark_point(filled=True, size=55, opacity=1, color=MAIN).encode(x="p50:Q")
    return _finished(thin + thick + middle, len(data))


def histogram(
    found: Mapping[str, Any], title: str, counted: str, *, zero: bool = False, beside: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """A histogram of the figures; `zero` marks 0; `beside`: the histograms that are to have the same axes."""
    edges, counts = found["edges"], found["counts"]
    rows = [{"from": low, "to": high, "n": n} for low, high, n in zip(edges, edges[1:], counts, strict=False)]
    every = (found, *beside)
    across = alt.Scale(
        domain=[min(one["edges"][0] for one in every), max(one["edges"][-1] for one in every)], nice=False
    )
    up = alt.Scale(domain=[0, max(1, *(count for one in every for count in one["counts"]))])
    bars = (
        _chart(rows)
        .mark_bar(color=MAIN, binSpacing=1)
        .encode(
            x=alt.X("from:Q", bin="binned", axis=_axis(title, "", tickCount=6), scale=across),
            x2="to:Q",
            y=alt.Y("n:Q", axis=alt.Axis(title=counted, format="~s", tickCount=4, tickMinStep=1), scale=up),
            tooltip=["from:Q", "to:Q", alt.Tooltip("n:Q", format=",", title=counted)],
        )
    )
    layers = [bars]
    if zero and across.domain[0] < 0 < across.domain[1]:
        layers.append(_chart([{"at": 0}]).mark_rule(color=INK, strokeDash=[3, 3]).encode(x="at:Q"))
    return _finished(_layered(layers), None)


def intervals(
    rows: Sequence[Datum],
    title: str,
    format: str,
    *,
    line: float | None = None,
    domain: Sequence[float] | None = None,
    ticks: int = 5,
) -> dict[str, Any]:
    """Points with their 95 % intervals. Rows have `label`, `value`, `low`, `high`, `n` and perhaps `series`.

    `line` is marked, and in sight; `domain`: ends of the axis. Rows of one label stand together, a colour each.
    """
    data = [{**row, "label": shown(row["label"])} for row in rows]
    names = list(dict.fromkeys(row["label"] for row in data))
    series = list(dict.fromkeys(row["series"] for row in data if "series" in row))
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=line == 0, padding=10)
    axis = _axis(title, format, tickCount=ticks)
    told = {"value": "value", "low": "95 % from", "high": "95 % to"}
    base = _chart(data).encode(
        y=alt.Y("label:N", sort=names, axis=alt.Axis(title=None)),
        tooltip=[
            "label:N", *(["series:N"] if series else []),
            *(alt.Tooltip(f"{key}:Q", format=format, title=name) for key, name in told.items()),
            alt.Tooltip("n:Q", format=","),
        ],
    )  # fmt: skip
    if series:
        scales = alt.Scale(domain=series, range=list(SERIES[: len(series)]))
        colour = alt.Color("series:N", scale=scales, legend=None)
        base = base.encode(yOffset=alt.YOffset("series:N", scale=alt.Scale(domain=series)), color=colour)
    ink = alt.Undefined if series else MAIN
    x = alt.X("low:Q", axis=axis, scale=scale)
    layers = [
        base.mark_rule(strokeWidth=1.5, color=ink).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1, color=ink).encode(x="value:Q"),
    ]
    if line is not None:
        mark = _chart([{"at": line}]).mark_rule(color=MUTED, strokeDash=[3, 3])
        layers.insert(0, mark.encode(x=alt.X("at:Q", axis=axis, scale=scale)))
    return _finished(_layered(layers), len(names), ROW + 8 if series else ROW)


def matrix(models: Sequence[str], pairs: Sequence[Datum]) -> dict[str, Any]:
    """Win rates: rows beat columns. Strong colours from 70 % on, so that a glance finds what is one-sided."""
    names = [shown(name) for name in models]
    data = [
        {
            **pair,
            "model": shown(pair["model"]),
            "against": shown(pair["against"]),
            "strong": abs(pair["value"] - 0.5) > 0.3,
        }
        for pair in pairs
    ]
    base = _chart(data).encode(
        y=alt.Y("model:N", sort=names, scale=alt.Scale(domain=names), axis=alt.Axis(title=None)),
        x=alt.X(
            "against:N", sort=names, scale=alt.Scale(domain=names),
            axis=alt.Axis(
                title=None, orient="top", labelAngle=0, labelOverlap=False, labelLimit=90, domain=False, ticks=False
            ),
        ),
        tooltip=[
            "model:N", "against:N", alt.Tooltip("value:Q", format=".1%", title="wins, ties half"),
            alt.Tooltip("low:Q", format=".1%", title="95 % from"), alt.Tooltip("high:Q", format=".1%", title="95 % to"),
            alt.Tooltip("n:Q", format=","), alt.Tooltip("ties:Q", format=","),
        ],
    )  # fmt: skip
    steps = [0.2, 0.3, 0.45, 0.55, 0.7, 0.8]
    colour = alt.Color("value:Q", scale=alt.Scale(type="threshold", domain=steps, range=DIVERGING), legend=None)
    cells = base.mark_rect(stroke=PAPER, strokeWidth=2).encode(color=colour)
    ink = alt.condition("datum.strong", alt.value("var(--on-strong)"), alt.value(INK))
    texts = base.mark_text(fontSize=12).encode(text=alt.Text("value:Q", format=".0%"), color=ink)
    return _finished(cells + texts, len(names), 36)


def reliability(bins: Sequence[Datum]) -> dict[str, Any]:
    """How often people agree, by the probability that is stated; on the line both are the same."""
    low = min(0.5, *(min(row["stated"], row["happened"]) for row in bins))
    scale = alt.Scale(domain=[round(low - 0.05, 2), 1])
    line = _chart([{"at": scale.domain[0]}, {"at": 1}]).mark_line(color=MUTED, strokeDash=[3, 3])
    points = _chart([dict(row) for row in bins]).mark_point(filled=True, opacity=1, color=MAIN)
    layers = [
        line.encode(x=alt.X("at:Q", scale=scale), y=alt.Y("at:Q", scale=scale)),
        points.encode(
            x=alt.X("stated:Q", axis=_axis("stated probability", ".0%"), scale=scale),
            y=alt.Y("happened:Q", axis=alt.Axis(title="people agree", format=".0%", tickCount=5), scale=scale),
            size=alt.Size("rows:Q", legend=None, scale=alt.Scale(range=[30, 160])),
            tooltip=[*(alt.Tooltip(f"{key}:Q", format=".1%") for key in ("stated", "happened")), "rows:Q"],
        ),
    ]
    return _finished(_layered(layers), None, high=260)


def _chart(rows: Sequence[Datum]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def _layered(layers: Sequence[alt.Chart]) -> alt.LayerChart:
    made = alt.layer(*layers)
    assert isinstance(made, alt.LayerChart)
    return made


def _axis(title: str, format: str, **more: Any) -> alt.Axis:  # noqa: ANN401 - altair's own keys
    told = {"format": format} if format else {}
    return alt.Axis(title=title, labelFlush=True, **{"tickCount": 5, **told, **more})


def _finished(chart: alt.Chart | alt.LayerChart, rows: int | None, row: int = ROW, high: int = HIGH) -> dict[str, Any]:
    """The specification: as wide as its place; `rows` rows high, or `high` where it has none."""
    sized = chart.properties(
        width="container",
        height=high if rows is None else rows * row,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        config=CONFIG,
    )
    plain: dict[str, Any] = sized.to_dict()
    # An address that nothing is to be asked of.
    plain.pop("$schema")
    return plain
