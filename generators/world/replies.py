"""Puts a teacher's opinion into the form that the prompt asks for.

A JSON schema in `response_format` comes first, then the forms of `forms/`; where the prompt asks for none of them, one
line of grades and an explanation under it (JudgeLM: arXiv 2310.17631).
"""

from __future__ import annotations

from .chance import Chance
from .chat import ChatRequest
from .filling import Filling, said_as_json
from .forms import Asked, forms
from .opinion import Opinion
from .said import Said


def reply_to(chance: Chance, request: ChatRequest, opinion: Opinion, call: str) -> Said:
    """The teacher's reply to a request; `call` is what makes its wording differ from a repeat of it."""
    asked = Asked(chance, request.prompt, opinion, call)
    schema = request.schema_wanted
    if schema is not None:
        return tuple(said_as_json(Filling(schema, asked, asked.reason("Assistant", numbered=True)).value()))
    for form in forms():
        if (said := form(asked)) is not None:
            return said
    grades = [piece for slot, grade in enumerate(asked.grades()) for piece in (" " if slot else "", grade)]
    return *grades, f"\n{asked.reason('Assistant', numbered=True)}"
