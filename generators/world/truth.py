"""The truth about answer texts, for tests and benchmarks in the same process; no server route leads here."""

from __future__ import annotations

from ...schemas.rows import Winner
from .chance import Chance
from .fingerprint import Fingerprints, Identity
from .latent import latent
from .settings import WorldSettings


def identity_of(settings: WorldSettings, text: str) -> Identity:
    """Which answer of this world a text is. Raises `ValueError` where it carries no fingerprint of this world."""
    for _, identity in Fingerprints(settings.seed).find(text):
        return identity
    raise ValueError(f"no answer of the simulated world with seed {settings.seed}: {text[:80]!r}")


def true_quality(settings: WorldSettings, text: str) -> float:
    """Latent quality of an answer, in standard deviations between answers of one model to one task."""
    return latent(Chance(settings.seed), identity_of(settings, text)).quality


def true_winner(settings: WorldSettings, text_a: str, text_b: str) -> Winner:
    """Which of two answers is better; `tie` only where both texts are the same answer."""
    gap = true_quality(settings, text_a) - true_quality(settings, text_b)
    return "first" if gap > 0 else "second" if gap < 0 else "tie"
