"""How many rows of each kind stay, so that every axis has its shares: raking with an upper bound.

Raking (iterative proportional fitting; Deming and Stephan, Annals of Mathematical Statistics 11(4), 1940) scales the
cells of a table until its margins are the wanted ones, and changes no more than that of how the axes go together. Rows
can only be dropped, so no cell may grow: that is the truncated distance of Deville and Särndal (JASA 87(418), 1992,
section 2, case 7), solved margin by margin like the plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..logistic import Codes, Floats

CLOSE = 0.002
"""How far a margin may be from what is wanted, as a share of the axis's rows."""
_SWEEPS, _HALVINGS = 200, 12
_NO_MORE = 1e9
"""Factor beyond which a cell is not raised: it has long been whole."""


@dataclass(frozen=True, slots=True)
class Margin:
    """One axis of the table."""

    codes: Codes
    """Shape (cells,): number of the cell's value; -1 for cells without one, which the axis leaves alone."""
    shares: Floats
    """Shape (values,): wanted; they add up to 1."""

    def sums(self, table: Floats) -> Floats:
        """Rows of each value, shape (values,)."""
        there = self.codes >= 0
        return np.bincount(self.codes[there], table[there], minlength=len(self.shares)).astype(np.float64)

    def wanted(self, table: Floats, part: float) -> Floats:
        """Rows of each value where the axis keeps `part` of its rows: by share; a value with too few gives all of its
        rows, and the others make up for it in proportion. Shape (values,)."""
        has = self.sums(table)
        total = min(part * has.sum(), float(has[self.shares > 0].sum()))
        full = np.zeros(len(has), dtype=bool)
        while True:
            rest = self.shares[~full].sum()
            found = np.where(full, has, self.shares * ((total - has[full].sum()) / rest if rest > 0 else 0.0))
            over = ~full & (found > has)
            if not over.any():
                return np.asarray(found, dtype=np.float64)
            full |= over


def raked(table: Floats, margins: Sequence[Margin], least: float) -> tuple[Floats, float]:
    """How many rows of each cell stay, shape (cells,), and which part of each axis's rows that is meant to be.

    As many stay as the shares allow, but no fewer than `least` of each axis's rows, 0..1; where these are too many for
    the shares, they are as near to them as the cells allow. Cells without a value on any axis stay whole.
    """
    sums = [margin.sums(table) for margin in margins]
    limits = [
        has[margin.shares > 0] / (margin.shares[margin.shares > 0] * has.sum())
        for margin, has in zip(margins, sums, strict=True)
        if has.sum()
    ]
    most = min([1.0, *(float(limit.min()) for limit in limits if len(limit))])
    if most > least:
        low, high = least, most
        found, fits = _scaled(table, margins, high)
        if fits:
            return found, high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            found, fits = _scaled(table, margins, middle)
            low, high = (middle, high) if fits else (low, middle)
        least = low
    return _scaled(table, margins, least)[0], least


def _scaled(table: Floats, margins: Sequence[Margin], part: float) -> tuple[Floats, bool]:
    """The table with the margins that keep `part` of each axis's rows, and whether it has come to have them."""
    wanted = [margin.wanted(table, part) for margin in margins]
    members = [[np.flatnonzero(margin.codes == value) for value in range(len(margin.shares))] for margin in margins]
    factors = np.ones(len(table))
    for _ in range(_SWEEPS):
        for cells_of, counts in zip(members, wanted, strict=True):
            for cells, count in zip(cells_of, counts.tolist(), strict=True):
                factors[cells] *= _factor(table[cells], factors[cells], count)
        np.minimum(factors, _NO_MORE, out=factors)
        found = table * np.minimum(factors, 1)
        if all(_near(margin, found, counts) for margin, counts in zip(margins, wanted, strict=True)):
            return found, True
    return found, False


def _near(margin: Margin, table: Floats, wanted: Floats) -> bool:
    away = np.abs(margin.sums(table) - wanted)
    return bool(away.max(initial=0.0) <= CLOSE * max(wanted.sum(), 1.0))


def _factor(table: Floats, factors: Floats, wanted: float) -> float:
    """By what to multiply factors so that the cells, none raised above what it has, add up to `wanted`."""
    table, factors = table[factors > 0], factors[factors > 0]
    if wanted <= 0 or not table.sum():
        return 0.0
    # Cells become whole in the order of their factors; between two of these events the sum is linear.
    order = np.argsort(-factors, kind="stable")
    sizes, scaled = table[order], (table * factors)[order]
    whole_before = np.cumsum(sizes) - sizes
    open_from = np.cumsum(scaled[::-1])[::-1]
    by = np.divide(wanted - whole_before, open_from, out=np.full(len(sizes), np.inf), where=open_from > 0)
    fits = np.flatnonzero(by * factors[order] <= 1 + 1e-12)
    return float(by[fits[0]]) if len(fits) else _NO_MORE
