"""Few texts that lie near to all others: greedy k-center over vectors of length 1.

Gonzalez, Clustering to minimize the maximum intercluster distance, Theoretical Computer Science 38, 1985: the next one
chosen is always the one furthest from all that were, and the greatest distance that is left is at most twice the
least that so many can have (for distances that satisfy the triangle inequality; the root of the ones here does). As a
way to choose data: Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach,
ICLR 2018 (arXiv 1708.00489).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .duplicates.bags import Vectors
from .duplicates.words import Positions

_POOL, _BATCH, _ROWS = 2048, 256, 16384
_TAKEN = -1.0


def k_center(vectors: Vectors, count: int) -> Positions:
    """`count` of the vectors, shape (n, d), by number, in the order in which they are chosen; `count` from 1 to n.

    The first is the nearest to the mean. Among equals the earlier one goes first. Takes n * count * d multiplications,
    nearly all of them in products of matrices: whatever is furthest is looked for among the furthest 2,048 for as long
    as none of the others, whose distances can only have become smaller since, could be it.
    """
    chosen: list[int] = []
    # Rounding, so that equal distances are equal whatever the order in which a machine adds.
    mean = np.round(vectors @ vectors.mean(axis=0, dtype=np.float64).astype(np.float32), 5)
    batch = [int(np.argmax(mean))]
    near = np.full(len(vectors), np.inf, dtype=np.float32)
    while True:
        chosen += batch
        near = _nearer(near, vectors, batch)
        near[chosen] = _TAKEN
        if len(chosen) == count:
            return np.array(chosen, dtype=np.int64)
        pool = np.sort(np.argpartition(-near, min(_POOL, len(near) - 1))[:_POOL])
        others = np.delete(near, pool) if len(pool) < len(near) else near[:0]
        bar = float(others.max(initial=_TAKEN))
        batch = _furthest(vectors[pool], near[pool], bar, min(_BATCH, count - len(chosen)))
        batch = [int(pool[place]) for place in batch]


def distances(vectors: Vectors, chosen: Sequence[int] | Positions) -> NDArray[np.float32]:
    """One minus the cosine between each vector and the nearest of the chosen ones, shape (n,), 0..2."""
    near = np.full(len(vectors), np.inf, dtype=np.float32)
    for start in range(0, len(chosen), _BATCH):
        near = _nearer(near, vectors, chosen[start : start + _BATCH])
    near[np.asarray(chosen)] = 0
    return near


def _furthest(vectors: Vectors, near: NDArray[np.float32], bar: float, most: int) -> list[int]:
    """Places in the pool of those that are furthest one after the other, as long as they are at least at `bar`."""
    found: list[int] = []
    near = near.copy()
    while len(found) < most:
        place = int(np.argmax(near))
        if found and near[place] < bar:
            break
        found.append(place)
        near = _nearer(near, vectors, [place])
        near[found] = _TAKEN
    return found


def _nearer(near: NDArray[np.float32], vectors: Vectors, added: Sequence[int] | Positions) -> NDArray[np.float32]:
    """The distances to the nearest chosen one, when some are added."""
    centers = vectors[np.asarray(added)].T
    found = np.empty_like(near)
    for start in range(0, len(vectors), _ROWS):
        rows = slice(start, start + _ROWS)
        found[rows] = np.minimum(near[rows], np.maximum(0, 1 - (vectors[rows] @ centers).max(axis=1)))
    return found
