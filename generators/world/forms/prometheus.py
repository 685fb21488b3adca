"""`[RESULT] k` and `[RESULT] A` (Prometheus: arXiv 2310.08491, 2405.01535), labelled where the template asks for it."""

from __future__ import annotations

from ..prose import explanation
from ..said import Said
from . import Asked, letters


def reply(asked: Asked) -> Said | None:
    """Feedback, then the score of one answer from 1 to 5, or the better of two."""
    if "[RESULT]" not in asked.prompt:
        return None
    label = "Feedback: " if "Feedback: (write" in asked.prompt else ""
    if len(asked.slots) == 1:
        feedback = explanation(asked.chance, asked.call, asked.opinion.grades, ["The response"])
        return f"{label}{feedback} [RESULT] ", asked.scaled(0, 1, 5)
    verdict = asked.winner(letters(len(asked.slots)))
    return f"{label}{asked.reason('Response', numbered=False)} [RESULT] ", verdict
