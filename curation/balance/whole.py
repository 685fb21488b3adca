"""A raked table in whole rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..logistic import Codes, Floats
from .raking import Margin


def whole(table: Floats, raked: Floats, margins: Sequence[Margin], part: float) -> Codes:
    """Rows of each cell that stay, shape (cells,): what `raked` says, rounded up or down.

    All are rounded down; then one row at a time goes to the cell whose values lack most, as long as that brings the
    margins nearer to what is wanted. `part`: as `raked` gives it.
    """
    found = np.floor(raked + 1e-9)
    fractions = raked - found
    wanted = [margin.wanted(table, part) for margin in margins]
    lacking = [want - margin.sums(found) for margin, want in zip(margins, wanted, strict=True)]
    open_ = fractions > 1e-9
    # By adding a row the square of what an axis lacks of a value falls by twice that, less one.
    gains = np.sum([_gain(margin, lacks) for margin, lacks in zip(margins, lacking, strict=True)], axis=0)
    while open_.any():
        best = np.where(open_, gains + 1e-6 * fractions, -np.inf)
        cell = int(np.argmax(best))
        if gains[cell] <= 0:
            break
        found[cell] += 1
        open_[cell] = False
        for margin, lacks in zip(margins, lacking, strict=True):
            code = margin.codes[cell]
            if code >= 0:
                lacks[code] -= 1
                gains[margin.codes == code] -= 2
    return found.astype(np.int64)


def _gain(margin: Margin, lacking: Floats) -> Floats:
    """How much nearer one row more brings the axis to what is wanted, shape (cells,); 0 for cells without a value."""
    gain, there = np.zeros(len(margin.codes)), margin.codes >= 0
    gain[there] = 2 * lacking[margin.codes[there]] - 1
    return gain
