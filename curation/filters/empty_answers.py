"""Empty answers: replies that show nothing to a reader, whatever bytes they hold."""

from __future__ import annotations

import unicodedata
from itertools import islice

from pydantic import Field

from ...schemas.rows import Answer, Task
from . import AnswerFilter

UNSEEN = frozenset({"Cc", "Cf", "Cn", "Mn", "Me", "Zs", "Zl", "Zp"})
"""Unicode general categories (UAX #44) that show nothing by themselves: controls, zero-width, marks, spaces."""
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that are blank by definition: Hangul fillers and the empty Braille pattern."""


class EmptyAnswers(AnswerFilter):
    """Drops answers with fewer than `min_chars` visible characters.

    Models return spaces or zero-width characters for an empty reply; `str.strip` leaves the latter. A judge asked about
    nothing still gives a grade.
    """

    min_chars: int = Field(1, ge=1)
    """Visible characters an answer must have; 1 drops only what looks blank."""

    def drop(self, task: Task, answer: Answer) -> str | None:
        text = answer.text or ""
        seen = sum(1 for _ in islice((True for character in text if _visible(character)), self.min_chars))
        return None if seen >= self.min_chars else f"{seen} visible characters of {len(text)}"


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in UNSEEN and character not in BLANK
