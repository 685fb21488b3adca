"""What a word is, for counting: the same for texts that differ in case, spaces, punctuation or compatible characters.

Folding is NFKC (Unicode Standard Annex #15) around `str.casefold`, without invisible characters, as in the Unicode
Standard's NFKC_Casefold. Words are runs of letters, marks and digits, by general category (Annex #44); tables are those
of the Python that runs, so texts with characters that are newer than one of two Pythons may differ there.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
_SPLIT, _WORD, _ALONE, _OPERATOR = range(4)
_OPERATORS = "*/%-"
"""Punctuation that is a word of its own beside a digit: without it `3 * 4` would be the same as `3 / 4`."""
_BY_CATEGORY = {"L": _WORD, "M": _WORD, "N": _WORD, "S": _ALONE}
_UNSPACED = (
    (0x0E01, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF),  # Thai and Lao, Myanmar, Khmer
    (0x3005, 0x3007), (0x3041, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),  # kana, Han
    (0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x323AF),
)  # fmt: skip
"""Blocks of scripts that are written without spaces (Blocks.txt of Unicode 15): one character, one word."""
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
"""Default_Ignorable_Code_Point of DerivedCoreProperties.txt, without fillers and tags."""


def fold(text: str) -> str:
    """The text in the form in which it is counted; folding it again changes nothing."""
    if text.isascii():
        return text.casefold()
    # Case folding may leave what NFKC would put together, and the other way round.
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text).casefold()
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def codes_of(text: str) -> NDArray[np.uint8] | NDArray[np.uint32]:
    """The text's code points, lone surrogates included."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def boundaries(codes: NDArray[np.uint8] | NDArray[np.uint32]) -> tuple[Positions, Positions]:
    """Where the words of a folded text begin, and the place behind their last character; both in order."""
    classes = np.take(_classes(128 if codes.dtype == np.uint8 else sys.maxunicode + 1), codes)
    operators = np.flatnonzero(classes == _OPERATOR)
    classes[operators] = np.where(_beside_digit(codes, operators), _ALONE, _SPLIT)
    word, alone = classes == _WORD, classes == _ALONE
    first, last = word.copy(), word.copy()
    first[1:] &= ~word[:-1]
    last[:-1] &= ~word[1:]
    return np.flatnonzero(first | alone), np.flatnonzero(last | alone) + 1


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    folded = fold(text)
    return [folded[start:end] for start, end in zip(*map(np.ndarray.tolist, boundaries(codes_of(folded))), strict=True)]


def normalised(texts: Sequence[str]) -> list[str]:
    """The words of each text, a space between them; a text without any is itself, folded, without outer spaces."""
    joined, rows = fold_all(texts)
    starts, ends = boundaries(codes_of(joined))
    firsts = np.searchsorted(starts, rows).tolist()
    spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
    return [
        " ".join([joined[start:end] for start, end in spans[first:behind]]) or fold(text).strip()
        for text, (first, behind) in zip(texts, pairwise([*firsts, len(spans)]), strict=True)
    ]


def fold_all(texts: Sequence[str]) -> tuple[str, Positions]:
    """The texts, folded, with a line break between each two; and where each begins."""
    joined = "\n".join(texts)
    if joined.isascii():  # At once: folding changes no length.
        joined = joined.casefold()
    else:
        texts = [fold(text) for text in texts]
        joined = "\n".join(texts)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    return joined, np.cumsum(lengths) - lengths


def _beside_digit(codes: NDArray[np.uint8] | NDArray[np.uint32], places: Positions) -> NDArray[np.bool_]:
    """Whether a digit stands beside each place, or beyond one space."""
    found = np.zeros(len(places), dtype=np.bool_)
    for step in (-1, 1):
        near, far = (codes[np.clip(places + reach * step, 0, len(codes) - 1)] for reach in (1, 2))
        beside = np.where(near == ord(" "), far, near)
        found |= (beside >= ord("0")) & (beside <= ord("9"))
    return found


@cache
def _classes(size: int) -> NDArray[np.uint8]:
    """Class of each of the first `size` code points."""
    classes = np.fromiter(map(_class_of, map(chr, range(size))), np.uint8, size)
    for first, last in _UNSPACED:
        span = classes[first : last + 1]
        span[span == _WORD] = _ALONE
    return classes


def _class_of(character: str) -> int:
    if character in _OPERATORS:
        return _OPERATOR
    category = unicodedata.category(character)
    # Accents that stand by themselves, and the backtick; `^` is an operator.
    if category == "Sk" and character != "^":
        return _SPLIT
    return _BY_CATEGORY.get(category[0], _SPLIT)
