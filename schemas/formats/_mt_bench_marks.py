"""What FastChat itself reads in a reply, which is not always what its end says.

Source: `fastchat/llm_judge/common.py` of github.com/lm-sys/FastChat at 0e6d3e4 (`run_judge_pair`, `run_judge_single`).
"""

from __future__ import annotations

import re

_RATINGS = (re.compile(r"\[\[(\d+\.?\d*)\]\]"), re.compile(r"\[(\d+\.?\d*)\]"))


def mark_of(reply: str) -> str | None:
    """A, B or C: the first of them, in this order, that stands anywhere in the reply in double brackets."""
    return next((letter for letter in "ABC" if f"[[{letter}]]" in reply), None)


def rating_of(reply: str) -> float | None:
    """The first number in double brackets or, where there is none, in single ones."""
    for pattern in _RATINGS:
        if found := pattern.search(reply):
            return float(found[1])
    return None
