"""The word by which an answer is recognised in any prompt: `bakuri-tenolo-sivada-gomefi`.

It spells 72 bits in 12 syllables: hash of the task, number of the model, which draw it is, and 16 zero bits as a
checksum, enciphered under the world's seed (a Feistel network, four rounds). So it needs no memory on the server,
another world does not take it for its own, and its letters say nothing that a text classifier could learn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aeio"
_SYLLABLES = tuple(consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS)
_VALUES = {syllable: value for value, syllable in enumerate(_SYLLABLES)}
_GROUP = f"(?:[{_CONSONANTS}][{_VOWELS}]){{3}}"
_TAIL = re.compile(rf"-(?={_GROUP}-{_GROUP}-{_GROUP}(?!\w))")
"""What follows the first six letters. Prompts are long: a pattern that begins with a fixed character is found fast."""
_LENGTH = 27
_HEAD = re.compile(_GROUP)

TASK_BITS, MODEL_BITS, DRAW_BITS, CHECK_BITS = 32, 6, 18, 16
_HALF = (TASK_BITS + MODEL_BITS + DRAW_BITS + CHECK_BITS) // 2
_LOW = (1 << _HALF) - 1


class Identity(NamedTuple):
    """Which answer a text is; everything else about it follows from this and the world's seed."""

    task: int
    """Hash of the messages that were answered, 32 bits."""
    model: int
    """`Answerer.number`."""
    draw: int
    """Tells several answers of a model to a task apart, 18 bits."""


class Fingerprints:
    """Writes and reads the fingerprints of one world."""

    def __init__(self, seed: int) -> None:
        self._keys = [
            hashlib.blake2b(f"fingerprint {seed} {turn}".encode(), digest_size=16).digest() for turn in range(4)
        ]
        # An answer is read in two orders, by several teachers.
        self._read = lru_cache(maxsize=1 << 16)(self._decipher)

    def _mix(self, half: int, key: bytes) -> int:
        return int.from_bytes(hashlib.blake2b(half.to_bytes(5), digest_size=5, key=key).digest()) & _LOW

    def word(self, identity: Identity) -> str:
        """The fingerprint of an answer."""
        number = identity.task
        for value, bits in ((identity.model, MODEL_BITS), (identity.draw, DRAW_BITS), (0, CHECK_BITS)):
            number = number << bits | value
        left, right = number >> _HALF, number & _LOW
        for key in self._keys:
            left, right = right, left ^ self._mix(right, key)
        number = left << _HALF | right
        syllables = [_SYLLABLES[number >> shift & 63] for shift in range(66, -1, -6)]
        return "-".join("".join(syllables[start : start + 3]) for start in (0, 3, 6, 9))

    def find(self, text: str) -> Iterator[tuple[int, Identity]]:
        """Where this world's fingerprints begin in a text, and the answers they belong to, in order."""
        for tail in _TAIL.finditer(text):
            start = tail.start() - 6
            if start >= 0 and _HEAD.match(text, start):
                identity = self._read(text[start : start + _LENGTH])
                if identity is not None:
                    yield start, identity

    def _decipher(self, word: str) -> Identity | None:
        letters = word.replace("-", "")
        number = 0
        for start in range(0, len(letters), 2):
            number = number << 6 | _VALUES[letters[start : start + 2]]
        left, right = number >> _HALF, number & _LOW
        for key in reversed(self._keys):
            left, right = right ^ self._mix(left, key), left
        number = left << _HALF | right
        if number & ((1 << CHECK_BITS) - 1):
            return None
        number >>= CHECK_BITS
        draw, number = number & ((1 << DRAW_BITS) - 1), number >> DRAW_BITS
        return Identity(number >> MODEL_BITS, number & ((1 << MODEL_BITS) - 1), draw)
