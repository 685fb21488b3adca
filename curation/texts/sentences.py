"""A text cut into sentences, roughly: at line ends and behind full stops. What comes out is short enough to search."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 600
"""Characters; longer sentences are cut, so that searching them takes time in proportion to the text."""
_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
_END = re.compile(r"\n+|(?<=[.!?。！？])[\"')\]*_]{0,3}[ \t]+(?=[\"'(\[*_]{0,3}[^\W\d_a-z]|\d)")
"""Behind the mark the next word is not written small: `e.g. this` is not cut."""


def sentences(text: str) -> Iterator[str]:
    """The sentences in order, with straight quotation marks and single spaces; empty ones are left out."""
    start = 0
    text = text.translate(_STRAIGHT)
    for end in _END.finditer(text):
        yield from _pieces(text[start : end.end()])
        start = end.end()
    yield from _pieces(text[start:])


def _pieces(text: str) -> Iterator[str]:
    sentence = " ".join(text.split())
    for at in range(0, len(sentence), LONGEST):
        yield sentence[at : at + LONGEST]
