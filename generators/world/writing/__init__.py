"""Texts that an answering model writes for an author (`generators/authoring/`), one file for each kind.

A kind is a module with `reply(wanted) -> str | None`; None where the prompt asks for something else. Prompts are known
by the form in which they ask for the reply, and no prompt asks for two.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ..chance import Chance
from ..fingerprint import Fingerprints
from ..population import Answerer


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an author asked a model to write."""

    chance: Chance
    fingerprints: Fingerprints
    model: Answerer
    prompt: str
    """System and user messages, as one text."""
    call: str
    """What makes this call differ from a repeat of it."""


def written(wanted: Wanted) -> str | None:
    """The text, or None where the prompt is no author's."""
    for kind in _kinds():
        if (text := kind(wanted)) is not None:
            return text
    return None


def part(prompt: str, before: str, after: str) -> str:
    """What stands in a prompt between two marks; empty where the first one is not there."""
    return prompt.partition(before)[2].rpartition(after)[0].strip()


@cache
def _kinds() -> tuple[Callable[[Wanted], str | None], ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(importlib.import_module(f"{__name__}.{name}").reply for name in names)
