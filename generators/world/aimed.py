"""Answers that were asked to deserve a stated score: which quality they have.

A model mostly hits the score. Where it misses, a bad answer comes out better than was asked, as models are trained to
be helpful, and the best one worse. Where no length was asked for, better answers are longer, which is what length
control is for. The place of the score on its scale is part of the fingerprint: 8 of the bits that tell draws apart.
"""

from __future__ import annotations

import math

from .chance import Chance
from .fingerprint import DRAW_BITS, Identity
from .population import AIMED, Answerer

MISSES = 0.12
"""Share of answers that deserve the score next to the one asked for."""
_PLACE_BITS = 8
_OWN_BITS = DRAW_BITS - _PLACE_BITS
_FINEST = (1 << _PLACE_BITS) - 1
_WORST, _BEST = -5.0, 4.0
"""Qualities in the middle of the worst and the best score: a teacher's scale of grades, 1 to 10, is centred on 6."""
_STEP = (_BEST - _WORST) / 4
"""Quality between two scores of a scale with five."""
_SPREAD = 0.3
"""Standard deviation of the quality around the score's middle."""
_LENGTH_OF_QUALITY = 0.12


def aimed_identity(chance: Chance, model: Answerer, task: int, place: float, call: str) -> Identity:
    """The identity of an answer that aims at a score; `place` is where that lies on the scale, 0 (worst) to 1."""
    draw = round(place * _FINEST) << _OWN_BITS | chance.integer(_OWN_BITS, "draw", call)
    return Identity(task, model.number + AIMED, draw)


def aimed_quality(chance: Chance, identity: Identity) -> float:
    """Quality of an answer that aims at a score, in quality units."""
    place = (identity.draw >> _OWN_BITS) / _FINEST
    (miss,) = chance.uniforms(1, "miss", *identity)
    (own,) = chance.normals(1, "aimed", *identity)
    quality = _WORST + place * (_BEST - _WORST) + _SPREAD * own
    if miss >= MISSES:
        return quality
    return quality - _STEP if place == 1 else quality + _STEP


def aimed_words(typical: int, quality: float, log_more: float) -> int:
    """Words of such an answer where no length was asked for; `log_more` is added to the logarithm."""
    return round(typical * math.exp(_LENGTH_OF_QUALITY * quality + log_more))
