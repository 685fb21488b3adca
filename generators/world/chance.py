"""Randomness as a function: the same world seed and the same key give the same draw on every machine."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from statistics import NormalDist

_DRAWS = struct.Struct("<8Q")
_FINEST = 2.0**-53
_quantile = NormalDist().inv_cdf


@dataclass(frozen=True, slots=True)
class Chance:
    """The random source of one world. Draws under different keys are independent."""

    seed: int
    _key: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", hashlib.blake2b(str(self.seed).encode(), digest_size=16).digest())

    def digest(self, size: int, *key: object) -> bytes:
        """`size` bytes, at most 64."""
        text = "\x1f".join(map(str, key))
        return hashlib.blake2b(text.encode(), digest_size=size, key=self._key).digest()

    def integer(self, bits: int, *key: object) -> int:
        """A whole number of so many bits, at most 64."""
        return int.from_bytes(self.digest(8, *key), "little") & ((1 << bits) - 1)

    def numbers(self, *key: object) -> Iterator[int]:
        """An endless stream of 64-bit whole numbers."""
        for block in count():
            yield from _DRAWS.unpack(self.digest(64, *key, block))

    def uniforms(self, size: int, *key: object) -> list[float]:
        """So many draws from the open interval (0, 1)."""
        numbers = _DRAWS.unpack(self.digest(64, *key)) if size <= 8 else islice(self.numbers(*key), size)
        # 52 bits and a half: exact in a float, and never 0 or 1, where a normal quantile is infinite.
        return [((number >> 12) * 2 + 1) * _FINEST for number in islice(numbers, size)]

    def normals(self, size: int, *key: object) -> list[float]:
        """So many draws from the standard normal distribution."""
        return [_quantile(uniform) for uniform in self.uniforms(size, *key)]
