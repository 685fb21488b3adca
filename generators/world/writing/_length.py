"""The length that a prompt asks for."""

from __future__ import annotations

import re

_LENGTH = re.compile(r"^Length: about (\d+) (words|sentences)$", re.MULTILINE)
_WORDS_A_SENTENCE = 11


def words_asked(prompt: str) -> int | None:
    """Words that the text is to have; None where the prompt leaves it open."""
    found = _LENGTH.search(prompt)
    if found is None:
        return None
    return int(found[1]) * (_WORDS_A_SENTENCE if found[2] == "sentences" else 1)
