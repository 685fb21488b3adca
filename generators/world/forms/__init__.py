"""Forms of a teacher's reply, one file each: what kind of prompt asks for it, and how an opinion reads in it.

A form is a module with `reply(asked) -> Said | None`; None where the prompt asks for something else. No prompt asks for
two forms, so their order does not matter. A form says scores and verdicts as such (`said.py`), between pieces of text.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from ..chance import Chance
from ..opinion import Opinion
from ..prose import explanation
from ..said import Said, Score, Verdict

TIE_MARGIN = 0.5
"""Grades of difference below which two grades are the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a teacher was asked, and what it thinks."""

    chance: Chance
    prompt: str
    """System and user messages, as one text."""
    opinion: Opinion
    call: str
    """What makes this call differ from a repeat of it."""

    @property
    def slots(self) -> range:
        """The answers shown, in the order shown."""
        return range(len(self.opinion.grades))

    def reason(self, name: str, numbered: bool) -> str:
        """An explanation that calls the answers `NAME 1, 2, …` or `NAME A, B, …`."""
        marks = [str(slot + 1) for slot in self.slots] if numbered else letters(len(self.slots))
        names = [f"{name} {mark}" for mark in marks]
        return explanation(self.chance, self.call, self.opinion.grades, names)

    def grades(self) -> list[Score]:
        """The grades of all answers, 1 to 10."""
        opinion = self.opinion
        return [Score(grade, at, 1, 10) for grade, at in zip(opinion.grades, opinion.unrounded, strict=True)]

    def scaled(self, slot: int, least: int, most: int) -> Score:
        """The score of one answer, on a scale of whole numbers from `least` to `most`."""
        return self.on_scale(self.opinion.scores[slot], least, most)

    def on_scale(self, score: float, least: int, most: int) -> Score:
        """A score of the scale of grades, on another scale."""
        value = least + (score - 1) * (most - least) / 9
        return Score(max(least, min(most, round(value))), max(least - 0.5, min(most + 0.5, value)), least, most)

    def winner(self, names: Sequence[str], tie: str | None = None) -> Verdict:
        """The name of the best answer, or what a tie is called where two answers share the best grade."""
        scores, tied = self.opinion.scores, tie is not None and self.opinion.tied and len(names) == 2
        strengths = dict(zip(names, scores, strict=True))
        if tie is not None and len(names) == 2:
            strengths[tie] = (sum(scores) + TIE_MARGIN) / 2
        return Verdict(tie if tied and tie is not None else names[self.opinion.best], strengths)


def letters(count: int) -> tuple[str, ...]:
    """A for the first answer shown, B for the second, …"""
    return tuple(chr(ord("A") + slot) for slot in range(count))


@cache
def forms() -> tuple[Callable[[Asked], Said | None], ...]:
    """Every form in this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").reply for name in names)
