"""How good an answer is as it is shown: what is missing of it costs, and a refusal is worth less than any answer."""

from __future__ import annotations

from .chance import Chance
from .fingerprint import Identity
from .latent import latent
from .population import AIMED

REFUSED = -6.0
"""Quality of a refusal; the worst answer that a model is asked for has -5 (`aimed.py`)."""
CUT = 2.0
"""What the whole of an answer is worth beside nothing of it, in quality units; a part of it costs its share."""
_TOLERATED_WORDS, _TOLERATED_SHARE = 8, 0.2
"""Answers as they were given are within half a sentence of the length they were meant to have."""


def quality_as_shown(chance: Chance, identity: Identity | None, words: int) -> float:
    """Quality of an answer of which so many words are shown; `identity` None stands for a refusal.

    An answer that aims at a score is as good as it is: its length may have been asked for, and is no secret then.
    """
    if identity is None:
        return REFUSED
    truth = latent(chance, identity)
    missing = truth.words - words
    if identity.model >= AIMED or missing <= max(_TOLERATED_WORDS, _TOLERATED_SHARE * truth.words):
        return truth.quality
    return truth.quality - CUT * missing / truth.words
