"""Forms of a teacher's reply, one file each: what kind of prompt asks for it, and how an opinion reads in it.

A form is a module with `reply(asked) -> str | None`; None where the prompt asks for something else. No prompt asks for
two forms, so their order does not matter.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ..chance import Chance
from ..opinion import Opinion
from ..prose import explanation


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
        names = [f"{name} {slot + 1 if numbered else letter(slot)}" for slot in self.slots]
        return explanation(self.chance, self.call, self.opinion.grades, names)

    def scaled(self, slot: int, least: int, most: int) -> int:
        """The score of one answer, on a scale of whole numbers from `least` to `most`."""
        return max(least, min(most, round(least + (self.opinion.scores[slot] - 1) * (most - least) / 9)))


def letter(slot: int) -> str:
    """A for the first answer shown, B for the second."""
    return chr(ord("A") + slot)


@cache
def forms() -> tuple[Callable[[Asked], str | None], ...]:
    """Every form in this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").reply for name in names)
