"""Vectors of texts by which alike ones are found, without any model: hashed words and pairs of words.

Feature hashing (Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009, section 2): a feature
adds to the place that one hash draws, with the sign that another draws, so that collisions cancel out on average and
inner products are kept in expectation. Weights are 1 + ln(count) times ln((1 + texts) / (1 + texts with it)) + 1, as in
scikit-learn's `TfidfVectorizer` with `sublinear_tf` and `smooth_idf`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 256
"""Numbers in a vector."""
_WORD = re.compile(r"\w+")


def vectors(texts: Sequence[str], dimensions: int = DIMENSIONS) -> NDArray[np.float64]:
    """A vector of length 1 for each text, shape (texts, dimensions); zeros for one without words.

    The same texts give the same vectors on every machine. They are weighed by how rare words are among these texts.
    """
    counts = [_features(text) for text in texts]
    places: dict[str, int] = {}
    rows, columns, times = [], [], []
    for row, count in enumerate(counts):
        for feature, number in count.items():
            rows.append(row)
            columns.append(places.setdefault(feature, len(places)))
            times.append(number)
    found = np.zeros((len(texts), dimensions))
    if not places:
        return found
    feature_of = np.array(columns)
    rarity = np.log((1 + len(texts)) / (1 + np.bincount(feature_of))) + 1
    place, sign = _hashed(list(places), dimensions)
    weights = sign[feature_of] * (1 + np.log(times)) * rarity[feature_of]
    np.add.at(found, (np.array(rows), place[feature_of]), weights)
    lengths: NDArray[np.float64] = np.linalg.norm(found, axis=1, keepdims=True)
    found /= np.where(lengths > 0, lengths, 1)
    return found


def _features(text: str) -> Counter[str]:
    """How often each word, and each pair of words beside each other, is in a text; case does not count."""
    words = _WORD.findall(text.casefold())
    return Counter([*words, *(f"{one} {other}" for one, other in pairwise(words))])


def _hashed(features: Sequence[str], dimensions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The place and the sign of each feature, by BLAKE2b: no one's choice of words finds a crowded place."""
    digests = b"".join(hashlib.blake2b(name.encode(errors="replace"), digest_size=8).digest() for name in features)
    numbers = np.frombuffer(digests, dtype="<u8")
    return (numbers >> np.uint64(1)).astype(np.int64) % dimensions, 1 - 2 * (numbers & np.uint64(1)).astype(np.int64)
