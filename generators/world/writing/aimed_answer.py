"""An answer that aims at a stated score, of the stated length."""

from __future__ import annotations

import math
import re

from ..aimed import aimed_identity
from ..fingerprint import TASK_BITS
from ..latent import latent
from ..prose import answer_text
from . import Wanted, part
from ._length import words_asked

_TARGET = re.compile(r"^Target score: (-?\d+) of (-?\d+) to (-?\d+)$", re.MULTILINE)
_LENGTH_NOISE, _LENGTH_OF_SCORE = 0.08, 0.05
"""How far the length asked for is missed: standard deviation of the logarithm, and what the best score adds to it over
the worst."""


def reply(wanted: Wanted) -> str | None:
    """The answer, with its fingerprint."""
    target = _TARGET.search(wanted.prompt)
    if target is None:
        return None
    score, least, most = map(int, target.groups())
    place = (score - least) / (most - least)
    question = part(wanted.prompt, "[Request]\n", "\n[Rubric]")
    task = wanted.chance.integer(TASK_BITS, "task", question)
    identity = aimed_identity(wanted.chance, wanted.model, task, place, wanted.call)
    words = words_asked(wanted.prompt)
    if words is None:
        words = latent(wanted.chance, identity).words
    else:
        (noise,) = wanted.chance.normals(1, "length", *identity)
        words = max(15, round(words * math.exp(_LENGTH_NOISE * noise + _LENGTH_OF_SCORE * (place - 0.5))))
    return answer_text(wanted.chance, wanted.fingerprints.word(identity), question, words)
