"""Puts a teacher's opinion into the form that the prompt asks for.

A JSON schema in `response_format` comes first, then the forms of `forms/`; where the prompt asks for none of them, one
line of grades and an explanation under it (JudgeLM: arXiv 2310.17631).
"""

from __future__ import annotations

import orjson

from .chance import Chance
from .chat import ChatRequest
from .filling import Filling
from .forms import Asked, forms
from .opinion import Opinion


def reply_text(chance: Chance, request: ChatRequest, opinion: Opinion, call: str) -> str:
    """The teacher's reply to a request; `call` is what makes its wording differ from a repeat of it."""
    asked = Asked(chance, request.prompt, opinion, call)
    schema = request.schema_wanted
    if schema is not None:
        return orjson.dumps(Filling(schema, opinion, asked.reason("Assistant", numbered=True)).value()).decode()
    for form in forms():
        if (text := form(asked)) is not None:
            return text
    return f"{' '.join(map(str, opinion.grades))}\n{asked.reason('Assistant', numbered=True)}"
