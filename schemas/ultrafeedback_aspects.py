"""UltraFeedback's four aspects, shared by the judge that asks for them and the formats that publish them.

Source: `src/data_annotation/preference_templates.py` and `annotate_preference.py` of github.com/OpenBMB/UltraFeedback
at bf80fd4. Two aspects have one rationale; the two typed ones say which types of fault (or merit) they found, why, and
why the rating. An `Aspect` has one feedback an answer, so the three parts of a typed one are written as one text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from .rows import Aspect

ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")
"""In the order in which UltraFeedback asks about them."""
TYPED = frozenset({"truthfulness", "helpfulness"})
"""Those that also name types."""
LEAST, MOST = 1, 5
"""Scale of every aspect's rating."""
NOT_APPLICABLE = "N/A"
OVERALL = "overall"
"""Criterion under which the overall score (1 to 10) and the critique of an answer stand, where there are any."""

_WHY = "\nRationale For Rating: "
_TYPED = re.compile(rf"Type: ((?:\w+(?:, \w+)*)?)\nRationale: (.*){_WHY}(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands beside the rating of one answer under a typed aspect."""

    types: tuple[str, ...]
    """Numbers of the types, or `None` as the only one; empty where nothing is said about types."""
    rationale: str
    """Why these types."""
    why_rating: str
    """Why this rating."""

    @property
    def text(self) -> str:
        """The feedback that `remark` reads again. Raises `ValueError` where its own label stands inside a part."""
        if not self.types and not self.rationale:
            text = self.why_rating
        else:
            text = f"Type: {', '.join(self.types)}\nRationale: {self.rationale}{_WHY}{self.why_rating}"
        if remark(text) != self:
            raise ValueError(f"a rationale contains {_WHY.strip()!r}, or a type is none")
        return text


def remark(feedback: str) -> Remark:
    """A feedback in its parts; one that is not written as `Remark.text` writes it says why the rating, and no more."""
    found = _TYPED.fullmatch(feedback)
    if found is None or feedback.count(_WHY) != 1:
        return Remark((), "", feedback)
    return Remark(tuple(found[1].split(", ")) if found[1] else (), found[2], found[3])


def means(aspects: Sequence[Aspect]) -> tuple[float | None, ...]:
    """The mean rating of each answer, in the order shown; N/A does not count, and None where nothing else is said.

    The overall score is on another scale and no part of it.
    """
    ratings = zip(*(aspect.scores for aspect in aspects if aspect.criterion != OVERALL), strict=True)
    given = ([rating for rating in of_answer if rating is not None] for of_answer in ratings)
    return tuple(round(fmean(some), 9) if some else None for some in given)


def rationale_of(aspects: Sequence[Aspect]) -> str:
    """All feedback as one text: a line for each answer and criterion that says whose it is."""
    lines = []
    for aspect in aspects:
        for number, feedback in enumerate(aspect.feedback, start=1):
            said = remark(feedback)
            if said.rationale or said.why_rating:
                lines.append(f"Text {number}, {aspect.criterion}: {f'{said.rationale} {said.why_rating}'.strip()}")
    return "\n".join(lines)
