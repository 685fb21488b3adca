"""Texts that models wrote: what is refused in all of them, and how two are compared."""

from __future__ import annotations

import re

from ...schemas.errors import Unreadable

MARKS = ("###", "[RESULT]")
"""Marks of the formats that graded answers are published in (Prometheus): a text with one of them would be refused on
export, after all its answers were paid for."""
_WORD = re.compile(r"\w+")


def usable(text: str, what: str) -> str:
    """The text without blanks around it. Raises `Unreadable`, naming it `what`, where it is empty or holds a mark."""
    text = text.strip()
    if not text:
        raise Unreadable(f"expected {what}, got nothing")
    for mark in MARKS:
        if mark in text:
            raise Unreadable(f"expected {what} without {mark!r}, got {excerpt(text)}")
    return text


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation."""
    return tuple(_WORD.findall(text.casefold()))


def excerpt(text: str) -> str:
    """A text as it is quoted in a message: one line of at most 60 characters."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else line[:59] + "…")
