"""How many n-grams the texts of a pair have in common, counted for many pairs at once."""

from __future__ import annotations

import numpy as np

from .shingles import Hashes
from .words import Positions

_AT_ONCE = 2**18
"""N-grams that are looked up at once."""


def overlaps(hashes: Hashes, starts: Positions, sizes: Positions, ones: Positions, others: Positions) -> Positions:
    """Size of the intersection of the sets `ones[k]` and `others[k]`, shape (k,).

    Set i is `hashes[starts[i]:starts[i] + sizes[i]]`, ascending. Each n-gram of the smaller set is looked up in the
    larger one by bisection.
    """
    swap = sizes[ones] > sizes[others]
    small, large = np.where(swap, others, ones), np.where(swap, ones, others)
    found = np.zeros(len(ones), dtype=np.int64)
    ends = np.cumsum(sizes[small])
    done = 0
    while done < len(ones):
        before = ends[done - 1] if done else 0
        to = max(done + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
        found[done:to] = _counted(hashes, starts, sizes, small[done:to], large[done:to])
        done = to
    return found


def _counted(hashes: Hashes, starts: Positions, sizes: Positions, small: Positions, large: Positions) -> Positions:
    lengths = sizes[small]
    pair = np.repeat(np.arange(len(small)), lengths)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    wanted = hashes[starts[small][pair] + within]
    low = starts[large][pair]
    behind = low + sizes[large][pair]
    high = behind.copy()
    for _ in range(int(sizes[large].max()).bit_length()):
        middle = (low + high) >> 1
        before = (low < high) & (hashes[np.minimum(middle, behind - 1)] < wanted)
        low, high = np.where(before, middle + 1, low), np.where(before, high, middle)
    there = (low < behind) & (hashes[np.minimum(low, behind - 1)] == wanted)
    return np.bincount(pair[there], minlength=len(small))
