"""Repetition: answers that say the same over and over.

Shares of duplicate lines, paragraphs and n-grams are those of MassiveText's repetition removal (Rae et al., arXiv
2112.11446, table A1), by characters. Its limits are for web pages: of 7,245 answers of nine models to AlpacaEval they
drop 636 of at least 50 words, mostly lists, tables, songs and code. The limits here were chosen on these answers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import Field

from ...schemas.rows import Answer, Task
from ..duplicates.words import words
from ..texts.loops import longest_loop
from ..texts.prose import LONGEST, without_code
from . import AnswerFilter

LOOPED = 50
"""Fewest words in a loop; the bars of a drawing in characters are fewer."""
TIMES = 5
"""How often a loop says the same, at least: a regular expression for four bytes says it four times."""
WANTED = re.compile(
    r"\b(?:songs?|lyrics?|raps?|poems?|poetry|verses?|chorus|chants?|ballads?|hymns?|anthem|jingle|villanelle|pantoum|"
    r"mantras?|prayers?|repeat\w*|repetiti\w+|over and over|\d+ times|loops?)\b",
    re.IGNORECASE,
)
"""Tasks whose answers repeat lines for a reason."""
_BLANK = re.compile(r"\n[ \t\r]*\n")


class Repetition(AnswerFilter):
    """Drops answers that are caught in a loop, or much of whose text is lines or paragraphs that they have already.

    A judge told to prefer the other answer learns nothing that it does not know, and one that is told to prefer this
    one, for its length, learns the wrong thing. Of 7,245 answers of nine models to AlpacaEval it drops 11, ten of them
    rightly (the other shows what a program prints). Kept are repeated lines and paragraphs in fenced code, and in
    songs, poems and what was asked to be repeated.
    """

    loop: float | None = Field(0.25, gt=0, le=1)
    """Share of the words that are one loop (the same at least five times in a row, at least 50 words) from which on an
    answer goes; null does not look. Code is looked at too."""
    lines: float | None = Field(0.45, gt=0, le=1)
    """Share of the characters in lines that stand there already (table A1: 0.2), from which on an answer goes."""
    paragraphs: float | None = Field(0.3, gt=0, le=1)
    """The same of paragraphs, between empty lines (table A1: 0.2)."""
    top_ngram: float | None = Field(None, gt=0, le=1)
    """Share of the characters in the most frequent four words in a row (table A1: 0.16); null, the default, does not
    look: lists of titles and tables have high ones."""
    min_words: int = Field(50, ge=1)
    """An answer with fewer words is kept, as far as lines, paragraphs and n-grams go."""

    def drop(self, task: Task, answer: Answer) -> str | None:
        text = (answer.text or "")[:LONGEST]
        found = words(text)
        if self.loop is not None and (why := self._looped(found, self.loop)) is not None:
            return why
        if len(found) < self.min_words or WANTED.search(task.instruction):
            return None
        for limit, share, of in self._shares(text, found):
            if share >= limit:
                return f"{share:.0%} of the characters are {of}"
        return None

    def _shares(self, text: str, found: Sequence[str]) -> Iterator[tuple[float, float, str]]:
        """The limit, the share and what it is of, for each that is looked at."""
        prose = without_code(text)
        if self.lines is not None:
            yield self.lines, _again(prose.splitlines()), "repeated lines"
        if self.paragraphs is not None:
            yield self.paragraphs, _again(_BLANK.split(prose)), "repeated paragraphs"
        if self.top_ngram is not None:
            yield self.top_ngram, _top(found), "the same four words"

    @staticmethod
    def _looped(found: Sequence[str], limit: float) -> str | None:
        loop = longest_loop(found)
        if loop is None or loop.words < LOOPED or loop.times < TIMES or loop.words < limit * len(found):
            return None
        said = " ".join(found[loop.start : loop.start + loop.period])
        return f"says {said[:60]!r} {loop.times:.0f} times in a row"


def _again(parts: Sequence[str]) -> float:
    """Share of the characters in parts that stand there already; blanks at the ends do not count."""
    seen: set[str] = set()
    size = again = 0
    for part in map(str.strip, parts):
        size += len(part)
        again += len(part) if part in seen else 0
        seen.add(part)
    return again / size if size else 0.0


def _top(found: Sequence[str]) -> float:
    """Share of the characters of all words in the most frequent four in a row, where they come more than once."""
    counts = Counter(zip(*(found[start:] for start in range(4)), strict=False))
    sizes = (times * sum(map(len, four)) for four, times in counts.items() if times > 1)
    return max(sizes, default=0) / max(1, sum(map(len, found)))
