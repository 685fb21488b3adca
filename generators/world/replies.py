"""Puts a teacher's opinion into the form that the prompt asks for.

Forms, in this order: a JSON schema in `response_format`; `[RESULT] k` (Prometheus: arXiv 2310.08491, 2405.01535);
`[[A]]` and `[[rating]]` (MT-Bench: arXiv 2306.05685, figures 5 and 6); otherwise one line of grades and an explanation
under it (JudgeLM: arXiv 2310.17631).
"""

from __future__ import annotations

import orjson

from .chance import Chance
from .chat import ChatRequest
from .filling import Filling
from .opinion import Opinion
from .prose import explanation


def reply_text(chance: Chance, request: ChatRequest, opinion: Opinion, call: str) -> str:
    """The teacher's reply to a request; `call` is what makes its wording differ from a repeat of it."""
    prompt, grades = request.prompt, opinion.grades
    slots = range(len(grades))
    schema = request.schema_wanted
    if schema is None and "[RESULT]" in prompt:
        reason = explanation(chance, call, grades, [f"Response {_letter(slot)}" for slot in slots])
        return f"Feedback: {reason} [RESULT] {_letter(opinion.best) if len(slots) > 1 else _one_to_five(opinion)}"
    if schema is None and "[[A]]" in prompt and len(slots) > 1:
        reason = explanation(chance, call, grades, [f"Assistant {_letter(slot)}" for slot in slots])
        tie = opinion.tied and len(slots) == 2 and "[[C]]" in prompt
        return f"{reason}\n[[{'C' if tie else _letter(opinion.best)}]]"
    reason = explanation(chance, call, grades, [f"Assistant {slot + 1}" for slot in slots])
    if schema is not None:
        return orjson.dumps(Filling(schema, opinion, reason).value()).decode()
    if "[[rating]]" in prompt and len(slots) == 1:
        return f"{reason} Rating: [[{grades[0]}]]"
    return f"{' '.join(map(str, grades))}\n{reason}"


def _letter(slot: int) -> str:
    return chr(ord("A") + slot)


def _one_to_five(opinion: Opinion) -> int:
    """The score of a single answer, on Prometheus' scale of 1..5."""
    return max(1, min(5, round(1 + (opinion.scores[0] - 1) * 4 / 9)))
