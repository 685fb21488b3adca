"""Vectors of texts from their words alone, for want of a model: hashed, weighed by rarity, of length 1.

Feature hashing (Weinberger et al., ICML 2009, section 2): a word adds to the place that some bits of its hash name,
with the sign that another bit names, so that collisions cancel out on average. The weight is ln((1 + texts) / (1 +
texts with the word)) + 1, scikit-learn's smooth idf, once a word.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .rarity import Counts
from .sets import TextSets

Vectors = NDArray[np.float32]
_BITS = 8


def bags_of(texts: Iterable[str]) -> Vectors:
    """A vector for each text, shape (n, 256). The same texts give the same vectors on every machine."""
    with TextSets(ngram=1) as sets:
        sets.add(texts)
        return bags(sets)


def bags(sets: TextSets) -> Vectors:
    """A vector for each text, shape (n, 256), from sets of single words (`TextSets(1)`): 1 KiB a text."""
    counts = Counts(sets)
    weights = np.log((1 + len(sets)) / (1 + counts.table)) + 1
    found = np.zeros((len(sets), 2**_BITS), dtype=np.float32)
    for text, hashes in sets.blocks():
        first, behind = text[0], text[-1] + 1
        place = ((text - first) << _BITS) | (hashes & np.uint64(2**_BITS - 1)).astype(np.int64)
        sign = 1 - 2 * ((hashes >> np.uint64(_BITS)) & np.uint64(1)).astype(np.int64)
        sums = np.bincount(place, sign * weights[counts.places(hashes)], minlength=(behind - first) << _BITS)
        found[first:behind] = sums.reshape(behind - first, -1)
    return unit(found)


def unit(vectors: Vectors) -> Vectors:
    """The vectors with length 1, changed in place; zeros stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    vectors /= np.where(lengths > 0, lengths, 1)[:, None]
    return vectors
