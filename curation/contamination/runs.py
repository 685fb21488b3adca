"""The words of many texts, such that any run of them has a hash at the cost of one subtraction.

A word is a polynomial in its characters, modulo 2**64, and a run is one in its words (Karp and Rabin, IBM Journal
31(2), 1987). Sums are kept up to each word, and the difference of two, moved back to the power 0, is the run's: runs of
5 and of 8 words come from one pass, and what stands between words does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..duplicates.shingles import Hashes, mixed
from ..duplicates.words import Positions, boundaries, codes_of, fold_all

_BASE = 0x9E3779B97F4A7C15
"""An odd number without a pattern: SplitMix64's, 2**64 by the golden ratio."""
_TEXTS, _CHARACTERS = 4096, 2**20
"""Texts, and characters, that are taken at once; a text that is longer is taken by itself."""


class Runs:
    """The words of some texts, numbered through all of them in order."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` with at most some millions of characters: memory is some 30 bytes a character."""
        folded, rows = fold_all(texts)
        codes = codes_of(folded)
        starts, ends = boundaries(codes)
        firsts = np.searchsorted(starts, rows)
        self.firsts: Positions = firsts
        """Shape (n,): each text's first word."""
        self.counts: Positions = np.diff(firsts, append=len(starts))
        """Shape (n,): words of each text."""
        powers, to_zero = _powers(_BASE, len(codes)), _powers(pow(_BASE, -1, 2**64), len(codes))
        sums = _sums(codes, powers)
        hashed = mixed((sums[ends] - sums[starts]) * to_zero[starts])
        self._sums = _sums(hashed, powers)
        self._to_zero = to_zero

    def hashes(self, firsts: Positions, lengths: Positions | int) -> Hashes:
        """A hash of each run of `lengths` words from the words `firsts` on, which have to be there."""
        return mixed((self._sums[firsts + lengths] - self._sums[firsts]) * self._to_zero[firsts])


def _sums(values: NDArray[np.unsignedinteger], powers: Hashes) -> Hashes:
    """Of `values` by ascending powers, up to each of them and to the end."""
    sums = np.empty(len(values) + 1, dtype=np.uint64)
    sums[0] = 0
    np.multiply(values, powers[: len(values)], out=sums[1:])
    np.cumsum(sums, out=sums)
    return sums


def ngrams(groups: Positions, ngram: int) -> Positions:
    """The words with which an n-gram begins that stays within its group; `groups`: each word's, ascending."""
    return np.flatnonzero(groups[: max(0, len(groups) - ngram + 1)] == groups[ngram - 1 :])


def some(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """The rows, each of one or more texts, as many at a time as `Runs` should be given."""
    gathered: list[Sequence[str]] = []
    characters = 0
    for row in rows:
        size = len(row[0]) if len(row) == 1 else sum(map(len, row))
        if gathered and (len(gathered) == _TEXTS or characters + size > _CHARACTERS):
            yield gathered
            gathered, characters = [], 0
        gathered.append(row)
        characters += size
    if gathered:
        yield gathered


def _powers(base: int, size: int) -> Hashes:
    """At least `size` powers of `base` from 0 on, modulo 2**64."""
    return _table(base, size.bit_length())


@cache
def _table(base: int, bits: int) -> Hashes:
    table = np.full(1 << bits, base, dtype=np.uint64)
    table[0] = 1
    return np.cumprod(table, dtype=np.uint64)
