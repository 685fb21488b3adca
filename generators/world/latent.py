"""What is true of an answer and never told over HTTP: its quality, and the length it was meant to have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from .aimed import aimed_quality, aimed_words
from .chance import Chance
from .fingerprint import Identity
from .population import AIMED, BY_NUMBER

DIFFICULTY = 0.6
"""Standard deviation of the tasks' difficulty, in quality units."""
TYPICAL_WORDS = 110
"""Median length of an answer by a model of verbosity 0."""
FEWEST_WORDS, MOST_WORDS = 30, 400
_LENGTH_OF_QUALITY = 0.35
_LENGTH_NOISE = 0.25


@dataclass(frozen=True, slots=True)
class Latent:
    """The truth about one answer."""

    quality: float
    """Strength of the model, less the difficulty of the task, plus a standard normal draw of this answer's own; for an
    answer that aims at a score see `aimed.py`."""
    words: int
    """Words it is meant to have, 30..400: longer for better answers and for verbose models."""
    appeal: float
    """How much better it looks than it is, to every teacher with errors; standard normal."""


@lru_cache(maxsize=1 << 16)  # an answer is judged in two orders, by several teachers
def latent(chance: Chance, identity: Identity) -> Latent:
    """The truth about an answer. Raises `KeyError` for a model number that the population does not have."""
    model = BY_NUMBER[identity.model]
    (difficulty,) = chance.normals(1, "difficulty", identity.task)
    own, length, appeal = chance.normals(3, "answer", *identity)
    if identity.model >= AIMED:
        quality = aimed_quality(chance, identity)
        words = aimed_words(TYPICAL_WORDS, quality, model.verbosity + _LENGTH_NOISE * length)
        return Latent(quality, min(MOST_WORDS, max(FEWEST_WORDS, words)), appeal)
    log_words = math.log(TYPICAL_WORDS) + _LENGTH_OF_QUALITY * own + model.verbosity + _LENGTH_NOISE * length
    words = min(MOST_WORDS, max(FEWEST_WORDS, round(math.exp(log_words))))
    return Latent(model.strength - DIFFICULTY * difficulty + own, words, appeal)
