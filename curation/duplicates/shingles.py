"""A text as a set of hashed word n-grams; a text of fewer words is one n-gram, and one without words is itself.

Hashes are arithmetic modulo 2**64 on code points, so they are the same on every machine and in every version: a word is
a polynomial in `_BASE` (Karp and Rabin, IBM Journal 31(2), 1987), an n-gram one of its words' hashes, and each is mixed
by the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). 50 bits of them are kept: two texts of 60 n-grams
share one by accident with probability 3e-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from .words import Positions, boundaries, codes_of, fold, fold_all

Hashes = NDArray[np.uint64]
HASH_BITS = 50
MOST_TEXTS = 2 ** (64 - HASH_BITS)
"""Texts that `shingles` takes at once: a text's number and a hash share 64 bits, so that one sort serves them all."""
_BASE = 0x9E3779B97F4A7C15
_NEXT_WORD = 0xD6E8FEB86659FD93
_FEW_WORDS = 0xA0761D6478BD642F
"""Odd numbers without a pattern: the golden ratio's in SplitMix64, those of xmx and of wyhash."""


def shingles(texts: Sequence[str], ngram: int) -> tuple[Positions, Hashes]:
    """How many different n-grams each text has, at least 1, and their hashes: text by text, ascending within each.

    At most `MOST_TEXTS` texts. Memory is some 40 bytes a character for the time of the call.
    """
    folded, begins = fold_all(texts)
    codes = codes_of(folded)
    starts, ends = boundaries(codes)
    hashed = _word_hashes(codes, starts, ends)
    firsts = np.searchsorted(starts, begins)
    counts = np.diff(firsts, append=len(starts))
    row = np.repeat(np.arange(len(texts)), counts)
    first = np.flatnonzero(row[: max(0, len(row) - ngram + 1)] == row[ngram - 1 :])
    few = np.flatnonzero((counts > 0) & (counts < ngram))
    none = np.flatnonzero(counts == 0)
    rows = np.concatenate([row[first], few, none]).astype(np.uint64)
    hashes = np.concatenate([
        _ngram_hashes(hashed, first, ngram),
        _short_hashes(hashed, firsts[few], counts[few]),
        np.array([_whole(fold(texts[place])) for place in none.tolist()], dtype=np.uint64),
    ])  # fmt: skip
    packed = np.sort((rows << np.uint64(HASH_BITS)) | (hashes >> np.uint64(64 - HASH_BITS)))
    packed = packed[np.concatenate([[True], packed[1:] != packed[:-1]])] if len(packed) else packed
    sizes = np.bincount((packed >> np.uint64(HASH_BITS)).astype(np.int64), minlength=len(texts))
    return sizes, packed & np.uint64(2**HASH_BITS - 1)


def mixed(values: Hashes) -> Hashes:
    """Each value spread over all 64 bits, one to one."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _word_hashes(codes: NDArray[np.uint8] | NDArray[np.uint32], starts: Positions, ends: Positions) -> Hashes:
    """A hash of each word, wherever in the text it stands: the sum of its terms, moved to the power 0."""
    powers = _powers(_BASE, len(codes) + 1)
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(codes * powers[:-1], out=sums[1:])  # no word holds the code point 0
    to_zero = _powers(pow(_BASE, -1, 2**64), len(codes) + 1)
    return mixed((sums[ends] - sums[starts]) * to_zero[starts])


def _ngram_hashes(hashed: Hashes, firsts: Positions, ngram: int) -> Hashes:
    """A hash of the `ngram` words from each of `firsts` on; their order counts."""
    total = hashed[firsts]
    for step in range(1, ngram):
        total = total * np.uint64(_NEXT_WORD) + hashed[firsts + step]
    return mixed(total)


def _short_hashes(hashed: Hashes, firsts: Positions, counts: Positions) -> Hashes:
    """A hash of the `counts` words from each of `firsts` on; no n-gram's."""
    total = mixed(counts.astype(np.uint64) * np.uint64(_FEW_WORDS))
    for step in range(int(counts.max(initial=0))):
        longer = counts > step
        total[longer] = total[longer] * np.uint64(_NEXT_WORD) + hashed[firsts[longer] + step]
    return mixed(total)


def _whole(folded: str) -> int:
    text = " ".join(folded.split()).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


_tables: dict[int, Hashes] = {}


def _powers(base: int, size: int) -> Hashes:
    """The powers of `base` from 0 on, modulo 2**64; the longest table so far is kept."""
    if len(_tables.get(base, ())) < size:
        table = np.full(1 << (size - 1).bit_length() if size > 1 else 1, base, dtype=np.uint64)
        table[0] = 1
        _tables[base] = np.cumprod(table, dtype=np.uint64)
    return _tables[base][:size]
