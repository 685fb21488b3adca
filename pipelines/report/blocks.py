"""The parts that a section of the page is put together from: figures with their charts, tables and what to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..bias_tables import Table
from .page import Section, Spec
from .written import note, table, text, undefined


@dataclass
class Blocks:
    """A section while it is written."""

    anchor: str
    title: str
    _html: list[str] = field(default_factory=list)
    _charts: dict[str, Spec] = field(default_factory=dict)

    def add(self, markup: str) -> None:
        """Markup of our own, whose texts have gone through `written.text`."""
        self._html.append(markup)

    def say(self, told: str) -> None:
        """A paragraph."""
        self._html.append(note(told))

    def missing(self, what: str, found: Mapping[str, Any]) -> None:
        """Why a figure is not there."""
        self._html.append(undefined(what, found["undefined"]))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> None:
        """A table that is open."""
        self._html.append(table(columns, rows, caption))

    def figure(
        self,
        title: str,
        told: str,
        charts: Mapping[str, Spec],
        tables: Sequence[Table],
        *,
        key: Sequence[str] = (),
        several: bool = False,
    ) -> None:
        """Charts by what stands above each, and the tables of the same figures, folded.

        `key`: what the colours mean, in the order of `charts.KEPT` or `charts.SERIES`; `several`: side by side, where
        there is room.
        """
        places = []
        for name, spec in charts.items():
            place = f"{self.anchor}-{len(self._charts)}"
            self._charts[place] = spec
            above = f"<h4>{text(name)}</h4>" if name else ""
            label = text(f"{title}: {name}" if name else title)
            places.append(
                f'<div>{above}<div class="chart" id="{place}" role="img" aria-label="{label}; the figures stand in the'
                ' table below"></div></div>'
            )
        folded = "".join(
            table(one.columns, one.rows, one.title) + "".join(map(note, (*filter(None, [one.explained]), *one.notes)))
            for one in tables
        )
        self._html.append(
            f"<figure><h3>{text(title)}</h3><figcaption>{text(told)}</figcaption>"
            f"{_key(key)}"
            f'<div class="charts{" several" if several else ""}">{"".join(places)}</div>'
            f"<details><summary>Figures as a table</summary>{folded}</details></figure>"
        )

    def section(self) -> Section:
        """The section as it stands."""
        return Section(self.anchor, self.title, "\n".join(self._html), dict(self._charts))


def _key(names: Sequence[str]) -> str:
    kind = "three" if len(names) == 3 else "two"
    items = "".join(f"<li>{text(name)}</li>" for name in names)
    return f'<ul class="key {kind}" aria-label="Colours">{items}</ul>' if names else ""


def count(number: float) -> str:
    """A whole number with separators."""
    return f"{number:,.0f}"


def money(usd: float | None) -> str:
    """An amount in dollars, `unknown` where no price is."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"


def span(seconds: float) -> str:
    """`1 h 02 min`, `3 min 20 s`, `75 s` or `8.3 s`."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def share(part: float, whole: float) -> str:
    """A share in percent; a dash of nothing."""
    return f"{part / whole:.1%}" if whole else "–"
