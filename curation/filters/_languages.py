"""What the filters of languages have in common: from when on a language is known."""

from __future__ import annotations

from pydantic import Field

from ...schemas.frozen import Frozen
from ..texts.languages import ALIKE, LANGUAGES, identifier, language_of


class Known(Frozen):
    """When a text is long and plain enough to say which language it is in."""

    least_letters: int = Field(40, ge=1)
    """Letters, code and addresses aside; a text with fewer is kept."""
    confidence: float = Field(0.9, ge=0.5, le=1)
    """Least probability of the language; where no language has it, the text is kept. Of the answers
    to AlpacaEval that are taken for another language than English, 13 of 13 are in one; at 0.8, 13 of 14."""

    def ready(self) -> None:
        identifier()

    def language(self, text: str) -> str | None:
        """Code of the language, or None where it is not known."""
        return language_of(text, self.least_letters, self.confidence)


def listed(codes: tuple[str, ...]) -> tuple[str, ...]:
    """The codes, where all are known. Raises `ValueError`."""
    if unknown := [code for code in codes if code not in LANGUAGES]:
        raise ValueError(f"no such language: {', '.join(unknown)}. Known: {' '.join(sorted(LANGUAGES))}")
    return codes


def counted_as(code: str) -> str:
    """The language that this one is counted as; see `ALIKE`."""
    return ALIKE.get(code, code)
