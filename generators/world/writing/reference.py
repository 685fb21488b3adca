"""A reference answer, between the two lines that the prompt asks for."""

from __future__ import annotations

from ..fingerprint import DRAW_BITS, TASK_BITS, Identity
from ..latent import latent
from ..prose import answer_text
from . import Wanted, part
from ._length import words_asked

_FORM = "\n[Answer]\n[End of answer]"


def reply(wanted: Wanted) -> str | None:
    """An answer of the model's usual quality, with its fingerprint."""
    if not wanted.prompt.endswith(_FORM):
        return None
    question = part(wanted.prompt, "[Request]\n", "\n[Length]")
    task = wanted.chance.integer(TASK_BITS, "task", question)
    identity = Identity(task, wanted.model.number, wanted.chance.integer(DRAW_BITS, "draw", wanted.call))
    words = words_asked(wanted.prompt) or latent(wanted.chance, identity).words
    text = answer_text(wanted.chance, wanted.fingerprints.word(identity), question, words)
    return f"[Answer]\n{text}\n[End of answer]"
