"""Which texts can hold more than half of which items: by hashes of n-grams, so never too few and hardly ever too many.

A text that holds more than half of an item has one of the item's rare n-grams, those that stand in few items, unless
the common ones are more than half of the item by themselves. So texts are looked up by rare n-grams, and by all only of
such items: it is the prefix filter of joins (Chaudhuri, Ganti and Kaushik, ICDE 2006) for coverage. That keeps a phrase
that a thousand items begin with from proposing a thousand items for every text that has it. For what is proposed,
coverage is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..duplicates.shingles import Hashes
from ..duplicates.words import Positions
from .rule import MOST
from .runs import Runs, ngrams, some

_FEW = 8
"""Places in all items together at which an n-gram may stand that is called rare."""
_SIEVE_BITS = 28
"""Bits of the largest sieve: 32 MiB, which lets through less than 1 % of other n-grams beside two million of items."""
_AT_ONCE = 2**18
"""N-grams of proposed items that are looked up at once."""


class Coverage:
    """The word n-grams of some items."""

    def __init__(self, texts: Sequence[str], ngram: int) -> None:
        """`texts`: those of the items, each with at least `ngram` words."""
        self._ngram = ngram
        counts, hashes = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint64)]
        for part in some((text,) for text in texts):
            runs = Runs([text for (text,) in part])
            counts.append(runs.counts)
            firsts = ngrams(np.repeat(np.arange(len(part)), runs.counts), ngram)
            hashes.append(runs.hashes(firsts, ngram))
        self._lengths: Positions = np.concatenate(counts)
        self._sizes = self._lengths - (ngram - 1)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._known, ids = np.unique(np.concatenate(hashes), return_inverse=True)
        self._ids = ids.astype(np.int32)
        item = np.repeat(np.arange(len(texts)), self._sizes)
        common = (np.bincount(ids, minlength=len(self._known)) > _FEW)[ids]
        by_common = self._shares(np.arange(len(texts)), common) > MOST
        looked_up = np.flatnonzero(~common | by_common[item])
        looked_up = looked_up[np.argsort(ids[looked_up], kind="stable")]
        self._posted = item[looked_up].astype(np.int32)
        posted = np.bincount(ids[looked_up], minlength=len(self._known))
        self._post_ends = np.cumsum(posted)
        self._post_sizes = posted
        bits = min(_SIEVE_BITS, max(16, (64 * len(self._known)).bit_length()))
        self._shift = np.uint64(64 + 3 - bits)
        self._sieve = np.zeros(1 << (bits - 3), dtype=np.uint8)
        sought = self._known[posted > 0]
        np.bitwise_or.at(self._sieve, sought >> self._shift, _bit(sought))

    def held(self, runs: Runs, rows: Positions) -> tuple[Positions, Positions, NDArray[np.float64]]:
        """Pairs of a row and an item of which it seems to hold more than half: row, item, share of the item's words.

        `rows`, shape (words of `runs`,): the row of each word, ascending. A share is too high only where two n-grams
        have the same hash of 64 bits.
        """
        firsts = ngrams(rows, self._ngram)
        hashes = runs.hashes(firsts, self._ngram)
        row, item = self._proposed(rows[firsts], hashes)
        shares = np.empty(len(row))
        if not len(row):
            return row, item, shares
        have = self._had(rows[firsts], hashes, row)
        ends = np.cumsum(self._sizes[item])
        low = 0
        while low < len(row):
            before = int(ends[low - 1]) if low else 0
            high = max(low + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
            there = _within(self._keys(row[low:high], item[low:high]), have)
            shares[low:high] = self._shares(item[low:high], there)
            low = high
        enough = shares > MOST
        return row[enough], item[enough], shares[enough]

    def _proposed(self, rows: Positions, hashes: Hashes) -> tuple[Positions, Positions]:
        """Pairs of a row and an item that have an n-gram in common by which the item is looked up, each pair once."""
        likely = np.flatnonzero(self._sieve[hashes >> self._shift] & _bit(hashes))
        ids, found = self._find(hashes[likely])
        ids, rows = ids[found], rows[likely[found]]
        sizes = self._post_sizes[ids]
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        items = self._posted[np.repeat(self._post_ends[ids] - sizes, sizes) + within]
        pairs = np.unique(np.repeat(rows, sizes) * np.int64(len(self._sizes)) + items)
        return pairs // max(1, len(self._sizes)), pairs % max(1, len(self._sizes))

    def _had(self, rows: Positions, hashes: Hashes, proposed: Positions) -> Positions:
        """Keys of the n-grams that proposed rows have and that are known here, ascending."""
        wanted = np.zeros(int(rows[-1]) + 1, dtype=np.bool_)
        wanted[proposed] = True
        theirs = np.flatnonzero(wanted[rows])
        ids, found = self._find(hashes[theirs])
        return np.unique(rows[theirs[found]] * np.int64(len(self._known)) + ids[found])

    def _keys(self, rows: Positions, items: Positions) -> Positions:
        """Keys of all n-grams of the items as the rows would have them, item by item."""
        return np.repeat(rows, self._sizes[items]) * np.int64(len(self._known)) + self._ids[self._places(items)]

    def _places(self, items: Positions) -> Positions:
        sizes = self._sizes[items]
        return np.arange(int(sizes.sum())) + np.repeat(self._starts[items] - np.cumsum(sizes) + sizes, sizes)

    def _find(self, hashes: Hashes) -> tuple[Positions, NDArray[np.bool_]]:
        """The number of each n-gram, and whether it is known here at all."""
        if not len(self._known):
            return np.zeros(len(hashes), dtype=np.int64), np.zeros(len(hashes), dtype=np.bool_)
        # In order, each is found near the one before: half the time of the same at random.
        order = np.argsort(hashes)
        ids = np.empty(len(hashes), dtype=np.int64)
        ids[order] = np.searchsorted(self._known, hashes[order])
        ids[ids == len(self._known)] = 0
        return ids, self._known[ids] == hashes

    def _shares(self, items: Positions, there: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of the words of each item that stand in an n-gram that is `there`, one flag an n-gram, item by item."""
        if not len(items):
            return np.empty(0)
        lengths = self._lengths[items]
        begins = np.cumsum(lengths) - lengths
        sizes = self._sizes[items]
        word = np.arange(int(sizes.sum())) + np.repeat(begins - np.cumsum(sizes) + sizes, sizes)
        open_ngrams = np.zeros(int(lengths.sum()) + 1, dtype=np.int32)
        open_ngrams[word[there]] += 1
        open_ngrams[word[there] + self._ngram] -= 1
        covered = np.cumsum(open_ngrams[:-1]) > 0
        shares: NDArray[np.float64] = np.add.reduceat(covered, begins, dtype=np.int64) / lengths
        return shares


def _bit(hashes: Hashes) -> NDArray[np.uint8]:
    """The bit of each hash in its byte of the sieve."""
    bits: NDArray[np.uint8] = np.left_shift(np.uint8(1), hashes.astype(np.uint8) & np.uint8(7))
    return bits


def _within(values: Positions, ascending: Positions) -> NDArray[np.bool_]:
    """Whether each value is one of `ascending`."""
    if not len(ascending):
        return np.zeros(len(values), dtype=np.bool_)
    place = np.searchsorted(ascending, values)
    place[place == len(ascending)] = 0
    found: NDArray[np.bool_] = ascending[place] == values
    return found
