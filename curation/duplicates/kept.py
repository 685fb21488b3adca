"""Which text of those that are alike stays, and which texts hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .words import Positions


@dataclass(frozen=True, slots=True)
class Pairs:
    """Texts that are alike, in no particular order; no pair twice."""

    ones: Positions
    """Shape (k,): number of one text."""
    others: Positions
    """Shape (k,): number of the other."""
    likeness: NDArray[np.float64]
    """Shape (k,): their Jaccard index, 0..1."""


def keep(pairs: Pairs, order: Positions) -> tuple[Positions, NDArray[np.float64]]:
    """For each text the one that it duplicates, -1 where it stays, and their Jaccard index, NaN where it stays.

    `order`, shape (n,): a text's place in the order of preference, each place once. Texts are taken in that order: one
    that is alike to a text that stays is a duplicate, of the most alike of these, the preferred one among equals. So no
    two that stay are alike, and a chain of small changes loses only those near enough to one that stays.
    """
    of, likeness = np.full(len(order), -1, dtype=np.int64), np.full(len(order), np.nan)
    swap = order[pairs.ones] > order[pairs.others]
    first, later = np.where(swap, pairs.others, pairs.ones), np.where(swap, pairs.ones, pairs.others)
    by_later = np.lexsort((order[first], -pairs.likeness, order[later]))
    # Each text's pairs stand together, the best first; all that is preferred to it has been decided before.
    for pair in by_later.tolist():
        text, kept = later[pair], first[pair]
        if of[text] < 0 and of[kept] < 0:
            of[text], likeness[text] = kept, pairs.likeness[pair]
    return of, likeness


def together(pairs: Pairs, count: int) -> Positions:
    """Connected components of `count` texts: each text's cluster, numbered by the first text of each from 0 on."""
    root = np.arange(count)
    ones, others = pairs.ones, pairs.others
    while len(ones):
        # Roots hook onto smaller roots, then every text onto its root, until nothing moves.
        low, high = np.minimum(root[ones], root[others]), np.maximum(root[ones], root[others])
        np.minimum.at(root, high, low)
        while (root != root[root]).any():
            root = root[root]
        apart = root[ones] != root[others]
        ones, others = ones[apart], others[apart]
    return np.unique(root, return_inverse=True)[1].astype(np.int64)
