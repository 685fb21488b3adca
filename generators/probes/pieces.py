"""A text in pieces that can be said again or set apart: sentences, and whatever must stay whole as it is.

Sentences are told by their full stops, which is right often enough where nothing but their order is used. Code,
formulas, tables and indented lines are never taken apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCES = {"```": "```", "~~~": "~~~", "$$": "$$", "\\[": "\\]"}
"""What opens a block that stays whole -> what ends it."""
_KEPT = re.compile(r" {4}|\t|\s*[|<]")
"""How a line begins that stays whole."""
_STOP = re.compile(r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\W\d_a-z])")
_NO_STOP = re.compile(r"(?:^|\W)(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|No|Fig|e\.g|i\.e)\.\s*$|^\d+\.\s*$")
"""A full stop that ends no sentence: initials, titles, numbers of a list."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; all `text + gap` joined are the text."""

    text: str
    gap: str
    """The white space that follows."""
    prose: bool
    """Whether it is a sentence, and no code."""


def pieces(text: str) -> list[Piece]:
    """The parts of a text that begins with no white space, in order."""
    found: list[Piece] = []
    block, closing = "", ""
    for line in text.splitlines(keepends=True):
        if closing or (closing := _opened(line)):
            # A block that its own first line ends, such as `$$x$$`, is that line.
            ended = line.strip().endswith(closing) and (block != "" or len(line.strip()) > len(closing))
            block += line
            if ended:
                found.append(_piece(block, prose=False))
                block = closing = ""
        elif not line.strip() and found:
            last = found[-1]
            found[-1] = Piece(last.text, last.gap + line, last.prose)
        elif _KEPT.match(line):
            found.append(_piece(line, prose=False))
        else:
            found += _sentences(line)
    return [*found, _piece(block, prose=False)] if block else found


def unfinished(text: str) -> bool:
    """Whether a text ends inside a block, such as code whose fence is still open."""
    closing = ""
    for line in map(str.strip, text.splitlines()):
        if closing:
            closing = "" if line.endswith(closing) else closing
        elif closing := _opened(line):
            closing = "" if line.endswith(closing) and len(line) > len(closing) else closing
    return closing != ""


def _opened(line: str) -> str:
    """What will end the block that a line opens; empty where it opens none."""
    return next((closing for opening, closing in _FENCES.items() if line.strip().startswith(opening)), "")


def _sentences(line: str) -> list[Piece]:
    found, start = [], 0
    for stop in _STOP.finditer(line):
        if not _NO_STOP.search(line[start : stop.end()]):
            found.append(_piece(line[start : stop.end()], prose=True))
            start = stop.end()
    return [*found, _piece(line[start:], prose=True)] if line[start:] else found


def _piece(text: str, *, prose: bool) -> Piece:
    bare = text.rstrip()
    return Piece(bare, text[len(bare) :], prose)
