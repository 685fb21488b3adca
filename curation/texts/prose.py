"""The part of a text that is looked at: without its code blocks, where code would be taken for something that it is
not; of a long one, its two ends."""

from __future__ import annotations

import re

LONGEST = 200_000
"""Characters of an answer that are looked at where what is sought would have shown by then."""
_FENCE = re.compile(r"[ \t]{0,9}(`{3,}|~{3,})")
"""The line that opens or closes a fenced code block (CommonMark 0.31, section 4.5), however far it is indented within
a list."""


def ends(text: str, longest: int) -> str:
    """The text; of one longer than `longest` characters, the first and the last half of so many, a line end between:
    what is asked for stands before or behind the material that it is about."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}\n{text[-half:]}"


def without_code(text: str) -> str:
    """The lines outside fenced code blocks. A block that is not closed goes on to the end, as in CommonMark."""
    kept = []
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if fence:
            fence = "" if found is not None and found[1].startswith(fence) else fence
        elif found is not None:
            fence = found[1]
        else:
            kept.append(line)
    return "\n".join(kept)
