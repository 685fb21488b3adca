"""Pairs of sets that can have a Jaccard index of at least t: those that share one of their rarest n-grams.

Sets of x and y elements, x <= y, with an index of at least t share o >= t y of them, and o >= 2 t x / (1 + t). Put all
sets into one order, the same for all; then the first common element is among the first y - ceil(t y) + 1 of the larger
set and the first x - ceil(2 t x / (1 + t)) + 1 of the smaller (Xiao et al., PPJoin, WWW 2008).
The rarest come first, so few other sets have them. How rare they are need not be exact: it makes the order better or
worse, never wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .rarity import Counts
from .sets import TextSets
from .shingles import HASH_BITS, Hashes, mixed
from .words import Positions

MOST_PAIRS = 2**24
"""Pairs of sets with a rare n-gram in common, once for each, up to which all of them are compared."""
FEWEST_FOLLOWING, FIRST = 64, 8
"""Beyond that: sets with the same rare n-gram that one is compared with at least, the next larger first. More than
these have it where texts are made from one template; without a bound, the pairs of 100,000 such texts would be 5
billion. The first sets that have it, the smallest, are compared with all: so of texts of one length that are all alike,
the first alone stays."""
_CLASS_BITS = 7
_PAIRS = 2**21
"""Pairs made at once."""


class Candidates:
    """Goes over the pairs that can be alike, once; `skipped` then says how many were left out beyond `MOST_PAIRS`."""

    def __init__(self, sets: TextSets, texts: Positions, threshold: float, groups: Positions) -> None:
        """`texts`: numbers of the texts that are to be looked at, ascending; `threshold`: over 0, at most 1; `groups`,
        shape (n,): texts of different groups do not meet."""
        self._sets, self._sizes, self._texts = sets, sets.sizes, texts
        self._threshold, self._groups = threshold, groups
        self.skipped = 0

    def __iter__(self) -> Iterator[tuple[Positions, Positions]]:
        """Blocks of pairs: numbers of the texts, no pair twice."""
        by_size = self._texts[np.argsort(self._sizes[self._texts], kind="stable")]
        rank_bits = max(1, len(by_size).bit_length())
        entries = self._entries(by_size, rank_bits)
        rank = ((entries >> np.uint64(1)) & np.uint64(2**rank_bits - 1)).astype(np.int64)
        place = np.flatnonzero(entries & np.uint64(1))
        # All n-grams of a set together: a pair is found by its smaller set alone, so one block has all there is of it.
        place = place[np.argsort(rank[place], kind="stable")]
        following = self._following(entries, place, rank, self._sizes[by_size])
        smaller, totals = rank[place], np.cumsum(following)
        done = 0
        while done < len(place):
            before = totals[done - 1] if done else 0
            to = max(done + 1, int(np.searchsorted(totals, before + _PAIRS, side="right")))
            to = int(np.searchsorted(smaller, smaller[to - 1], side="right"))
            count = following[done:to]
            one = np.repeat(place[done:to], count)
            other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
            pair = np.unique((rank[one] << 32) | rank[other])
            pair = pair[(pair >> 32) != (pair & 0xFFFFFFFF)]
            yield by_size[pair >> 32], by_size[pair & 0xFFFFFFFF]
            done = to

    def _following(self, entries: Hashes, place: Positions, rank: Positions, sizes: Positions) -> Positions:
        """How many of the entries behind each of `place` are to be compared with it."""
        rank_bits = np.uint64(max(1, len(sizes).bit_length()))
        key = entries[place] >> (rank_bits + np.uint64(1))
        first = np.searchsorted(entries, key << (rank_bits + np.uint64(1)))
        # The larger set of a pair is at most 1 / t times as large.
        beyond = np.searchsorted(sizes, np.floor(sizes / self._threshold + 1e-9), side="right").astype(np.uint64)
        limit = ((key << rank_bits) + beyond[rank[place]]) << np.uint64(1)
        following = np.searchsorted(entries, limit) - place - 1
        bounded = np.where(place - first < FIRST, following, np.minimum(following, _bound(following)))
        self.skipped = int((following - bounded).sum())
        return bounded

    def _entries(self, by_size: Positions, rank_bits: int) -> Hashes:
        """The rarest n-grams of every set that another one has, sorted: 63 - `rank_bits` bits of the hash, the set's
        rank by size, and whether the n-gram is among those by which the set is found as the smaller of a pair."""
        t = self._threshold
        rank = np.full(len(self._sizes), -1, dtype=np.int64)
        rank[by_size] = np.arange(len(by_size))
        as_larger = self._sizes - np.ceil(t * self._sizes - 1e-9).astype(np.int64) + 1
        as_smaller = self._sizes - np.ceil(2 * t / (1 + t) * self._sizes - 1e-9).astype(np.int64) + 1
        counts = Counts(self._sets)
        # In steps of a quarter of a binary order of magnitude.
        rarity = np.minimum(4 * np.log2(np.maximum(counts.table, 1)), 2**_CLASS_BITS - 1).astype(np.uint64)
        hash_bits = HASH_BITS - _CLASS_BITS
        key_mask = np.uint64(2 ** min(hash_bits, 63 - rank_bits) - 1)
        salt = mixed(self._groups.astype(np.uint64)) & key_mask
        entries = []
        for text, hashes in self._sets.blocks():
            own = np.unique(text, return_index=True)[1]
            local = np.repeat(np.arange(len(own)), np.diff(own, append=len(text))).astype(np.uint64)
            packed = (rarity[counts.places(hashes)] << np.uint64(hash_bits)) | (hashes & np.uint64(2**hash_bits - 1))
            packed = np.sort((local << np.uint64(HASH_BITS)) | packed)
            within = np.arange(len(text)) - own[local.astype(np.int64)]
            rare = np.flatnonzero((within < as_larger[text]) & (rank[text] >= 0))
            found = text[rare]
            smaller = (within[rare] < as_smaller[found]).astype(np.uint64)
            tail = (rank[found].astype(np.uint64) << np.uint64(1)) | smaller
            entries.append((((packed[rare] & key_mask) ^ salt[found]) << np.uint64(rank_bits + 1)) | tail)
        joined = np.concatenate([np.empty(0, dtype=np.uint64), *entries])
        joined.sort()
        key = joined >> np.uint64(rank_bits + 1)
        same = np.concatenate([[False], key[1:] == key[:-1], [False]])
        shared: Hashes = joined[same[: len(key)] | same[1 : len(key) + 1]]
        return shared


def _bound(following: Positions) -> int:
    """How many following sets one is compared with: as many as `MOST_PAIRS` allow, within a factor of 2."""
    bound, most = FEWEST_FOLLOWING, int(following.max(initial=0))
    while bound < most and int(np.minimum(following, 2 * bound).sum()) <= MOST_PAIRS:
        bound *= 2
    return bound
