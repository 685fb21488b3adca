"""The strict reader of replies to MT-Bench's judge prompts.

The prompts ask for `[[A]]`, `[[B]]`, `[[C]]` or `[[rating]]` after the explanation, so the mark that counts ends the
reply. Upstream (`fastchat/llm_judge/common.py` of github.com/lm-sys/FastChat at 0e6d3e4) takes `[[A]]` wherever it
stands, then `[[B]]`: an explanation that quotes `[[A]]` and ends with `[[B]]` is a win of A there.
"""

from __future__ import annotations

import re

from .errors import Unreadable

LOWEST, HIGHEST = 1, 10

_MARK = re.compile(r"\[\[([^\[\]\n]*)\]\]")
_END = re.compile(r"\[\[([^\[\]\n]*)\]\][\"'*.)]*\Z")
_BEFORE = re.compile(r"(?:\**\b(?:Final )?(?:Rating|Verdict):?\**[ \t]*)?[\"'*(]*\Z", re.IGNORECASE)
"""A label before the mark, and what encloses the mark."""
_RATING = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def read_verdict(reply: str) -> tuple[str, str]:
    """The letter A, B or C (a tie) that ends the reply, and the explanation before it. Raises `Unreadable`."""
    mark, explanation = _last(reply, "[[A]], [[B]] or [[C]]")
    if mark not in ("A", "B", "C"):
        raise Unreadable(f"expected [[A]], [[B]] or [[C]] at the end, got {_excerpt(f'[[{mark}]]')}")
    return mark, explanation


def read_rating(reply: str) -> tuple[float, str]:
    """The rating from 1 to 10 that ends the reply, and the explanation before it. Raises `Unreadable`."""
    mark, explanation = _last(reply, "[[rating]]")
    if not _RATING.fullmatch(mark) or not LOWEST <= float(mark) <= HIGHEST:
        raise Unreadable(f"expected a rating from {LOWEST} to {HIGHEST}, got {_excerpt(f'[[{mark}]]')}")
    return float(mark), explanation


def _last(reply: str, expected: str) -> tuple[str, str]:
    """What stands in the mark that ends the reply, and what comes before.

    Quotes, asterisks, brackets and full stops after the mark do not count. Another mark on the same line makes it
    ambiguous ("[[A]] or [[B]]"); on earlier lines a mark is part of the explanation.
    """
    reply = reply.rstrip()
    found = _END.search(reply)
    line = reply.rpartition("\n")[2]
    if found is None:
        raise Unreadable(f"expected {expected} at the end of the reply, got {_excerpt(line[-60:])}")
    if len(set(_MARK.findall(line))) > 1:
        raise Unreadable(f"expected one mark on the last line, got {_excerpt(line[-60:])}")
    return found[1], _BEFORE.sub("", reply[: found.start()], count=1).strip()


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
