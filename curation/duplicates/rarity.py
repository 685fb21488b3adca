"""How many texts have an n-gram, counted by the first bits of its hash: too many, rarely, and never too few."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .sets import TextSets
from .shingles import HASH_BITS, Hashes
from .words import Positions

_MOST_BITS = 22


class Counts:
    """Counts over all sets; there are at most 2**22, 16 MiB."""

    def __init__(self, sets: TextSets) -> None:
        self._bits = min(_MOST_BITS, len(sets.hashes).bit_length())
        self.table: NDArray[np.uint32] = np.zeros(2**self._bits, dtype=np.uint32)
        """Shape (m,): the counts."""
        for _, hashes in sets.blocks():
            np.add.at(self.table, self.places(hashes), np.uint32(1))  # a scalar of the same type: numpy's fast way

    def places(self, hashes: Hashes) -> Positions:
        """Where in the table each n-gram is counted."""
        return (hashes >> np.uint64(HASH_BITS - self._bits)).astype(np.int64)
