"""Bounds of a text's length, for the filters of tasks and of answers."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ...schemas.frozen import Frozen
from ..duplicates.words import words


class LengthBounds(Frozen):
    """Fewest and most words and characters of a text; both bounds are kept."""

    min_words: int | None = Field(None, ge=0)
    """Fewest words: runs of letters and digits; in scripts without spaces, a character counts as a word."""
    max_words: int | None = Field(None, ge=0)
    """Most words."""
    min_chars: int | None = Field(None, ge=0)
    """Fewest characters (Unicode code points), spaces at the ends aside."""
    max_chars: int | None = Field(None, ge=0)
    """Most characters."""

    @model_validator(mode="after")
    def _bounds_that_can_be_met(self) -> Self:
        if not self.model_fields_set & {"min_words", "max_words", "min_chars", "max_chars"}:
            raise ValueError("give at least one of min_words, max_words, min_chars, max_chars")
        for least, most in ((self.min_words, self.max_words), (self.min_chars, self.max_chars)):
            if least is not None and most is not None and least > most:
                raise ValueError(f"no length is at least {least} and at most {most}")
        return self

    def beyond(self, text: str) -> str | None:
        """One line on which bound the text does not keep; None where it keeps all."""
        text = text.strip()
        found = _beyond(len(text), self.min_chars, self.max_chars, "characters")
        if found is None and (self.min_words is not None or self.max_words is not None):
            found = _beyond(len(words(text)), self.min_words, self.max_words, "words")
        return found


def _beyond(size: int, least: int | None, most: int | None, of: str) -> str | None:
    if least is not None and size < least:
        return f"{size} {of}, fewer than {least}"
    if most is not None and size > most:
        return f"{size} {of}, more than {most}"
    return None
