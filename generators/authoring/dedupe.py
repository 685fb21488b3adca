"""Which rubrics say the same as an earlier one, word for word or nearly.

Two rubrics are alike by the share of their longer words that they have in common (Jaccard index over criterion and
descriptions). Self-Instruct (arXiv 2212.10560, section 2.2) drops a new instruction in the same spirit, by ROUGE-L;
sets of words do not depend on the order in which a paraphrase puts them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from ...schemas.rubric import Rubric
from .rubrics import written
from .texts import words_of

_SHORTEST = 4
"""Letters of the shortest word that counts: shorter ones stand in every rubric."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """What a rubric repeats."""

    name: str
    """The earlier rubric."""
    likeness: float
    """Share of words in common, 0..1."""
    exact: bool
    """Whether it is the same, punctuation and capitals aside."""


class Known:
    """The rubrics so far, with an index of their words: of a thousand only a few have to be compared with a new one."""

    def __init__(self, most_alike: float) -> None:
        self._most_alike = most_alike
        self._rubrics: list[tuple[str, frozenset[str]]] = []
        self._with_word: defaultdict[str, list[int]] = defaultdict(list)
        self._whole: dict[tuple[str, ...], str] = {}

    def add(self, name: str, rubric: Rubric) -> None:
        """Let later rubrics be compared with this one."""
        words = _long_words(rubric)
        for word in words:
            self._with_word[word].append(len(self._rubrics))
        self._rubrics.append((name, words))
        self._whole.setdefault(words_of(written(rubric)), name)

    def repeats(self, rubric: Rubric) -> Repetition | None:
        """The earlier rubric that this one repeats or is most like; None where it is less alike to all of them."""
        if (name := self._whole.get(words_of(written(rubric)))) is not None:
            return Repetition(name, 1.0, exact=True)
        own = _long_words(rubric)
        alike = [
            (likeness, -place)
            for place in self._candidates(own)
            if (likeness := _likeness(own, self._rubrics[place][1])) >= self._most_alike
        ]
        if not alike:
            return None
        likeness, place = max(alike)
        return Repetition(self._rubrics[-place][0], likeness, exact=False)

    def _candidates(self, own: frozenset[str]) -> set[int]:
        """Places of the rubrics that may be alike.

        One that is has a share `most_alike` of the own words at least, so it has one of any words that are more than
        the others; the rarest are looked up.
        """
        most_not_shared = len(own) - math.ceil(self._most_alike * len(own))
        rarest = sorted(own, key=lambda word: (len(self._with_word.get(word, ())), word))[: most_not_shared + 1]
        return {place for word in rarest for place in self._with_word.get(word, ())}


def _long_words(rubric: Rubric) -> frozenset[str]:
    return frozenset(word for word in words_of(written(rubric)) if len(word) >= _SHORTEST)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common) if common else 0.0
