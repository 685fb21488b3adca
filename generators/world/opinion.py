"""What a teacher thinks of the answers it is shown, before it puts that into words or grades.

    score = quality + shared error + private error + length effect + own-family bonus + markdown bonus
            + signature bonus + position bonus + call noise

The errors are the same each time the same answers are shown, in any order, on any server of the same seed; half of
their variance belongs to the answer, half to the company it is shown in. A reference makes them smaller, and about a
refusal there are none. Only the noise differs from call to call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .chance import Chance
from .latent import TYPICAL_WORDS, latent
from .population import BY_NUMBER, ERROR_WITH_REFERENCE, Teacher
from .shown import Shown
from .worth import quality_as_shown

_CENTRE, _ABSOLUTE_GAIN = 6.0, 1.0
"""Grade of an average answer, and grades per unit of quality for the level of all answers together."""
_FLAT_STEP = 2.0
"""Grades between one answer and the next worse one, for a teacher whose grades are flat."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A teacher's scores of the answers shown, in the order shown."""

    scores: tuple[float, ...]
    """On the scale of grades (1..10) but neither rounded nor clipped."""
    flat: bool = False
    """Whether it is no more than a ranking, whatever is asked about."""

    @property
    def grades(self) -> tuple[int, ...]:
        """Whole grades of 1..10. The distance to the best is rounded, and kept where the scale ends."""
        best = max(self.scores)
        below = [min(9, round(best - score)) for score in self.scores]
        top = max(1 + max(below), min(10, round(best)))
        return tuple(top - distance for distance in below)

    @property
    def unrounded(self) -> tuple[float, ...]:
        """What the grades were rounded from: the same distances, and of several answers the best one at its grade."""
        best = max(self.scores)
        if len(self.scores) == 1:
            return (max(0.5, min(10.5, best)),)
        top = max(self.grades)
        return tuple(top - min(9.5, best - score) for score in self.scores)

    @property
    def best(self) -> int:
        """Index of the answer with the highest score, ties of grades aside."""
        return self.scores.index(max(self.scores))

    @property
    def tied(self) -> bool:
        """Whether two or more answers share the best grade."""
        return self.grades.count(max(self.grades)) > 1


def form_opinion(
    chance: Chance, teacher: Teacher, shown: Sequence[Shown], call: str, *, with_reference: bool = False
) -> Opinion:
    """A teacher's opinion of one or more answers; `call` is what makes this call differ from a repeat of it."""
    names = ["-".join(map(str, answer.identity or ("refusal",))) for answer in shown]
    company = sorted(set(names))
    noise = chance.normals(len(shown), "noise", teacher.name, call)
    together = chance.normals(len(company), "together", *company)
    spread, *privately = chance.normals(1 + len(company), "together", teacher.name, *company)
    first_bonus = teacher.position + teacher.position_spread * spread
    error_size = (ERROR_WITH_REFERENCE if with_reference else 1) / 2
    marks = max(1, sum(answer.marks for answer in shown))
    values = []
    for slot, (name, answer) in enumerate(zip(names, shown, strict=True)):
        value = (
            quality_as_shown(chance, answer.identity, answer.words)
            + teacher.length * math.log(answer.words / TYPICAL_WORDS)
            # Shares of all the marks shown: for two answers they differ by the normalised difference.
            + teacher.markdown * answer.marks / marks
            + teacher.signature * answer.signed
            + (first_bonus * (0.5 - slot / (len(shown) - 1)) if len(shown) > 1 else 0)
            + teacher.noise * noise[slot] / math.sqrt(2)
        )
        if answer.identity is not None:
            (private,) = chance.normals(1, "private", teacher.name, name)
            appeal, place = latent(chance, answer.identity).appeal, company.index(name)
            # A pair's error is the difference of two answers' errors, each of them the sum of two draws.
            error = teacher.shared * (appeal + together[place]) + teacher.private * (private + privately[place])
            value += error * error_size
            value += teacher.own_family * (BY_NUMBER[answer.identity.model].family == teacher.family)
        values.append(value)
    level = sum(values) / len(values)
    scores = tuple(_CENTRE + _ABSOLUTE_GAIN * level + teacher.gain * (value - level) for value in values)
    return Opinion(_flattened(scores), flat=True) if teacher.flat else Opinion(scores)


def _flattened(scores: tuple[float, ...]) -> tuple[float, ...]:
    """The scores' ranking in even steps around the centre; one answer alone is above the centre or below it."""
    if len(scores) == 1:
        return (_CENTRE + math.copysign(_FLAT_STEP / 2, scores[0] - _CENTRE),)
    ranked = sorted(range(len(scores)), key=lambda slot: -scores[slot])
    top = _CENTRE + _FLAT_STEP * (len(scores) - 1) / 2
    return tuple(top - _FLAT_STEP * ranked.index(slot) for slot in range(len(scores)))
