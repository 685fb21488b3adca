"""The truth about answer texts, for tests and benchmarks in the same process; no server route leads here."""

from __future__ import annotations

from ...schemas.rows import Winner
from .chance import Chance
from .fingerprint import Fingerprints, Identity
from .refusals import is_refusal
from .settings import WorldSettings
from .worth import REFUSED, quality_as_shown


def identity_of(settings: WorldSettings, text: str) -> Identity:
    """Which answer of this world a text is. Raises `ValueError` where it carries no fingerprint of this world."""
    for _, identity in Fingerprints(settings.seed).find(text):
        return identity
    raise ValueError(f"no answer of the simulated world with seed {settings.seed}: {text[:80]!r}")


def true_quality(settings: WorldSettings, text: str) -> float:
    """Quality of an answer, in standard deviations between answers of one model to one task.

    A text that breaks off has lost some of it, a padded one nothing; a refusal has `REFUSED`. Raises `ValueError` as
    `identity_of`.
    """
    if is_refusal(text):
        return REFUSED
    return quality_as_shown(Chance(settings.seed), identity_of(settings, text), len(text.split()))


def true_winner(settings: WorldSettings, text_a: str, text_b: str) -> Winner:
    """Which of two answers is better; `tie` only where both texts are the same answer."""
    gap = true_quality(settings, text_a) - true_quality(settings, text_b)
    return "first" if gap > 0 else "second" if gap < 0 else "tie"
