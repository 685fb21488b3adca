"""Balance: rows of a kind of which there are too many: of a place that won, a score, two models, a category."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from ...schemas.row import digest
from ...schemas.rows import Example
from ..balance.axes import TIE, Axis, value
from ..balance.raking import CLOSE, Margin, raked
from ..balance.whole import whole
from ..logistic import Floats
from . import ExampleSetFilter, Selection

NO_VALUE = {"undefined": "no row has a value on it"}
_Cell = tuple[str | None, ...]
"""A value on each axis; None where the axis leaves it alone."""


class Balance(ExampleSetFilter):
    """Drops rows until every axis has its shares: `uniform`, or given ones. No row is ever repeated.

    Which rows of a kind stay is drawn by hash, so the same rows give the same set. How the axes go together changes no
    more than the shares ask for (raking). Rows without a value on an axis, ties under `winner: uniform` and values that
    given shares do not name are left alone by that axis. Where there are too few rows of a kind, the manifest says how
    many.
    """

    over: dict[Axis, Literal["uniform"] | dict[str, float]] = Field({"winner": "uniform"}, min_length=1)
    """Axis -> `uniform` (every value found has the same share) or value -> its share of the values named. Axes:
    `winner` (`first`, `second`, `tie`), `score` (a graded answer's mean grade, as a whole number), `models` (`a and b`)
    and `category`."""
    least: float = Field(0.5, ge=0, le=1)
    """Share of the rows that stay at least, whatever is wanted: one rare value would cost nearly all others."""
    seed: int = 0
    """Draws the rows."""

    @field_validator("over")
    @classmethod
    def _shares_of_something(
        cls, over: dict[Axis, Literal["uniform"] | dict[str, float]]
    ) -> dict[Axis, Literal["uniform"] | dict[str, float]]:
        for axis, wanted in over.items():
            if wanted != "uniform" and (min(wanted.values(), default=0) < 0 or not sum(wanted.values())):
                raise ValueError(f"{axis}: shares are 0 or more, and not all 0 (got {wanted})")
        return over

    def choose(self, examples: Callable[[], Iterable[Example]]) -> Selection:
        keys: list[str] = []
        cells: dict[_Cell, list[int]] = {}
        for example in examples():
            cells.setdefault(tuple(value(axis, example) for axis in self.over), []).append(len(keys))
            keys.append(self.key(example))
        if not keys:
            return Selection()
        shares = [self._shares(axis, [cell[place] for cell in cells]) for place, axis in enumerate(self.over)]
        table = np.array([len(rows) for rows in cells.values()], dtype=np.float64)
        margins = [_margin(names, [cell[place] for cell in cells]) for place, names in enumerate(shares)]
        found, part = raked(table, margins, self.least)
        stay = whole(table, found, margins, part)
        dropped = {
            keys[row]: self._why(cell, stays, len(rows))
            for (cell, rows), stays in zip(cells.items(), stay.tolist(), strict=True)
            for row in sorted(rows, key=lambda row: digest("balance", self.seed, keys[row]))[stays:]
        }
        told: dict[str, Any] = {"rows": len(keys), "kept": len(keys) - len(dropped)}
        for axis, names, margin in zip(self.over, shares, margins, strict=True):
            told[axis] = _told(names, margin, table, stay.astype(np.float64), part) or dict(NO_VALUE)
        return Selection(dropped=dropped, told=told)

    def _shares(self, axis: Axis, found: Iterable[str | None]) -> Mapping[str, float]:
        """Value -> its share; they add up to 1."""
        wanted = self.over[axis]
        if wanted == "uniform":
            # Numbers in their order: scores stand so in the manifest.
            names = sorted({name for name in found if name not in (None, TIE)}, key=lambda name: (len(str(name)), name))
            return {str(name): 1 / len(names) for name in names}
        return {name: share / sum(wanted.values()) for name, share in wanted.items()}

    def _why(self, cell: _Cell, stays: int, rows: int) -> str:
        kind = ", ".join(f"{axis} {name}" for axis, name in zip(self.over, cell, strict=True) if name is not None)
        return f"{stays:,} of {rows:,} rows stay of {kind}"


def _margin(names: Mapping[str, float], values: Sequence[str | None]) -> Margin:
    places = {name: place for place, name in enumerate(names)}
    codes = [-1 if found is None else places.get(found, -1) for found in values]
    return Margin(np.array(codes, dtype=np.int64), np.array(list(names.values()), dtype=np.float64))


def _told(names: Mapping[str, float], margin: Margin, table: Floats, stay: Floats, part: float) -> dict[str, Any]:
    """Value -> rows before and after, its share after and as wanted, and how many rows there are too few."""
    before, after = margin.sums(table), margin.sums(stay)
    wanted = margin.shares * part * before.sum()
    slack = max(1.0, CLOSE * float(before.sum()))
    return {
        name: {
            "rows": int(before[place]),
            "kept": int(after[place]),
            "share": round(float(after[place] / max(after.sum(), 1)), 4),
            "wanted": round(share, 4),
            "too_few": round(lacks) if (lacks := float(wanted[place] - after[place])) > slack else 0,
        }
        for place, (name, share) in enumerate(names.items())
    }
