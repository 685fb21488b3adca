"""The n-gram sets of many texts, in a temporary file, 8 bytes an n-gram: 48 bytes a text stay in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np

from .shingles import MOST_TEXTS, Hashes, mixed, shingles
from .words import Positions

_TEXTS, _CHARACTERS = 2048, 2**19
"""Texts, and characters, that are hashed at once: their arrays stay within a processor's cache. A longer text is hashed
by itself."""
_BIT_WORDS = 4
_NGRAMS = 2**18
"""N-grams that are read at once."""


class TextSets:
    """Sets of word n-grams, one a text, in the order in which the texts came. Close it, or use it in a `with`."""

    def __init__(self, ngram: int = 3) -> None:
        """`ngram`: words in an n-gram, at least 1."""
        if ngram < 1:
            raise ValueError(f"ngram must be at least 1 (got {ngram})")
        self.ngram = ngram
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with this object)
        self._sizes: list[Positions] = []
        self._sums: list[Hashes] = []
        self._bits: list[Hashes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()

    def add(self, texts: Iterable[str]) -> None:
        """Append the texts' sets. How texts are divided between calls changes nothing."""
        for some in _batches(texts):
            sizes, hashes = shingles(some, self.ngram)
            self._file.write(hashes.tobytes())
            starts = np.cumsum(sizes) - sizes
            self._sizes.append(sizes)
            self._sums.append(np.add.reduceat(mixed(hashes), starts))
            self._bits.append(_bits(hashes, starts))

    def __len__(self) -> int:
        return sum(map(len, self._sizes))

    @property
    def sizes(self) -> Positions:
        """How many n-grams each text has; at least 1."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._sizes])

    @property
    def sums(self) -> Hashes:
        """A hash of each set: that of equal sets is equal."""
        return np.concatenate([np.empty(0, dtype=np.uint64), *self._sums])

    @property
    def bits(self) -> Hashes:
        """256 bits of each set, shape (n, 4), those that its hashes point at. Sets that differ in k bits differ in at
        least k n-grams."""
        return np.concatenate([np.empty((0, _BIT_WORDS), dtype=np.uint64), *self._bits])

    @property
    def hashes(self) -> Hashes:
        """The hashes of all sets, text by text, ascending within each; read from the file where they are looked at."""
        self._file.flush()
        length = self._file.seek(0, 2)
        if not length:
            return np.empty(0, dtype=np.uint64)
        return np.asarray(np.memmap(self._file, dtype=np.uint64, mode="r"))

    def blocks(self) -> Iterator[tuple[Positions, Hashes]]:
        """The hashes of some whole texts at a time, and the number of the text that each belongs to; at most
        `MOST_TEXTS` texts."""
        sizes, hashes = self.sizes, self.hashes
        ends = np.cumsum(sizes)
        done = 0
        while done < len(ends):
            before = int(ends[done - 1]) if done else 0
            to = max(done + 1, int(np.searchsorted(ends, before + _NGRAMS, side="right")))
            to = min(to, done + MOST_TEXTS)
            yield np.repeat(np.arange(done, to), sizes[done:to]), np.array(hashes[before : int(ends[to - 1])])
            done = to


def _bits(hashes: Hashes, starts: Positions) -> Hashes:
    bit = np.uint64(1) << (hashes & np.uint64(63))
    word = (hashes >> np.uint64(6)) & np.uint64(_BIT_WORDS - 1)
    words = [np.bitwise_or.reduceat(bit * (word == at), starts) for at in range(_BIT_WORDS)]
    return np.stack(words, axis=1)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    characters = 0
    for text in texts:
        if some and (len(some) == min(_TEXTS, MOST_TEXTS) or characters + len(text) > _CHARACTERS):
            yield some
            some, characters = [], 0
        some.append(text)
        characters += len(text)
    if some:
        yield some
