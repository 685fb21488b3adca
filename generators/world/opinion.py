"""What a teacher thinks of the answers it is shown, before it puts that into words or grades.

    score = quality + shared error + private error + length effect + own-family bonus + position bonus + call noise

The errors are the same each time the same answers are shown, in any order, on any server of the same seed; half of
their variance belongs to the answer, half to the company it is shown in. Only the noise differs from call to call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .chance import Chance
from .latent import TYPICAL_WORDS, latent
from .population import BY_NUMBER, Teacher
from .shown import Shown

_CENTRE, _ABSOLUTE_GAIN = 6.0, 1.0
"""Grade of an average answer, and grades per unit of quality for the level of all answers together."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A teacher's scores of the answers shown, in the order shown."""

    scores: tuple[float, ...]
    """On the scale of grades (1..10) but neither rounded nor clipped."""

    @property
    def grades(self) -> tuple[int, ...]:
        """Whole grades of 1..10. The distance to the best is rounded, and kept where the scale ends."""
        best = max(self.scores)
        below = [min(9, round(best - score)) for score in self.scores]
        top = max(1 + max(below), min(10, round(best)))
        return tuple(top - distance for distance in below)

    @property
    def best(self) -> int:
        """Index of the answer with the highest score, ties of grades aside."""
        return self.scores.index(max(self.scores))

    @property
    def tied(self) -> bool:
        """Whether two or more answers share the best grade."""
        return self.grades.count(max(self.grades)) > 1


def form_opinion(chance: Chance, teacher: Teacher, shown: Sequence[Shown], call: str) -> Opinion:
    """A teacher's opinion of one or more answers; `call` is what makes this call differ from a repeat of it."""
    names = ["-".join(map(str, answer.identity)) for answer in shown]
    company = sorted(set(names))
    noise = chance.normals(len(shown), "noise", teacher.name, call)
    together = chance.normals(len(company), "together", *company)
    spread, *privately = chance.normals(1 + len(company), "together", teacher.name, *company)
    first_bonus = teacher.position + teacher.position_spread * spread
    values = []
    for slot, (name, answer) in enumerate(zip(names, shown, strict=True)):
        truth, model, place = latent(chance, answer.identity), BY_NUMBER[answer.identity.model], company.index(name)
        (private,) = chance.normals(1, "private", teacher.name, name)
        # A pair's error is the difference of two answers' errors, each of them the sum of two draws.
        error = teacher.shared * (truth.appeal + together[place]) + teacher.private * (private + privately[place])
        values.append(
            truth.quality
            + error / 2
            + teacher.length * math.log(answer.words / TYPICAL_WORDS)
            + teacher.own_family * (model.family == teacher.family)
            + (first_bonus * (0.5 - slot / (len(shown) - 1)) if len(shown) > 1 else 0)
            + teacher.noise * noise[slot] / math.sqrt(2)
        )
    level = sum(values) / len(values)
    return Opinion(tuple(_CENTRE + _ABSOLUTE_GAIN * level + teacher.gain * (value - level) for value in values))
