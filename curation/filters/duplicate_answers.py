"""Duplicate answers: answers to one task that say the same in the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from pydantic import Field

from ...schemas.rows import Answer, Task
from ..duplicates.kept import Pairs, keep
from ..duplicates.near import NGRAM
from ..duplicates.overlaps import overlaps
from ..duplicates.shingles import shingles
from ..duplicates.words import words
from . import AnswerSetFilter

_CODE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
"""Fenced code blocks (CommonMark 0.31, section 4.5)."""


class DuplicateAnswers(AnswerSetFilter):
    """Drops answers whose words are those of another answer to the same task; the first in recipe order stays.

    A pair of the same text has no better answer: whichever a teacher says is noise. Answers are alike where the sets of
    their word 3-grams have a Jaccard index of at least `threshold`, case and punctuation aside. Answers with other
    numbers, or with other code, differ in what matters and stay, however alike the rest is.
    """

    threshold: float = Field(0.95, gt=0, le=1)
    """Jaccard index from which on two answers are the same; 1 is the same 3-grams."""

    def drop(self, task: Task, answers: Sequence[Answer]) -> Mapping[str, str]:
        texts = [answer.text or "" for answer in answers]
        if len(texts) < 2:
            return {}
        sizes, hashes = shingles(texts, NGRAM)
        ones, others = np.array(list(combinations(range(len(texts)), 2))).T
        common = overlaps(hashes, np.cumsum(sizes) - sizes, sizes, ones, others)
        likeness = common / (sizes[ones] + sizes[others] - common)
        alike = likeness >= self.threshold
        for pair in np.flatnonzero(alike):
            alike[pair] = _exact(texts[ones[pair]]) == _exact(texts[others[pair]])
        of, likeness = keep(Pairs(ones[alike], others[alike], likeness[alike]), np.arange(len(texts)))
        return {
            answers[text].id: f"Jaccard {likeness[text]:.3f} with {answers[of[text]].id} of {answers[of[text]].model}"
            for text in np.flatnonzero(of >= 0).tolist()
        }


def _exact(text: str) -> tuple[list[str], list[str]]:
    """What has to be the same to the letter: the words with digits, in order, and code, spaces aside."""
    numbers = [word for word in words(text) if any(character.isdigit() for character in word)]
    return numbers, ["".join(code[0].split()) for code in _CODE.finditer(text)]
