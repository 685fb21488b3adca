"""Instructions whose answers a rubric can tell apart: the prompt and its parser.

Source of the method: Prometheus (arXiv 2310.08491, section 3.1: realistic requests of users to a model, 20 a rubric).
The words are our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...schemas.errors import Unreadable
from ...schemas.rows import Message
from ...schemas.rubric import Rubric
from .rubrics import written
from .texts import excerpt, usable, words_of

_ASK = """\
You write requests that people send to a language model. Answers to them will be graded under this rubric:

{rubric}

Write {count} whose answers can deserve any of these scores, depending on how well they are answered. Each is a \
whole message as a real person would send it: who asks, in what situation, what for, and all the material that is \
needed (a text to work on stands in the message itself). The requests differ from each other in subject, in the person \
who asks and in what is asked for. None mentions the rubric, its criterion or grades.{earlier}

Write each request in plain text, without headings. Reply with the requests in this form, each after its line in \
brackets, and nothing else:
{form}"""

_EARLIER = """

These exist already; write others:
{earlier}"""

_MARK = re.compile(r"^\[Instruction (\d+)\][ \t]*$", re.MULTILINE)


def ask(rubric: Rubric, count: int, earlier: Sequence[str] = ()) -> tuple[Message, ...]:
    """The messages that ask for `count` instructions; `earlier` ones are shown so that they are not repeated."""
    form = "\n".join(f"[Instruction {number}]\n(a request)" for number in range(1, count + 1))
    told = _EARLIER.format(earlier="\n".join(f"- {' '.join(text.split())}" for text in earlier)) if earlier else ""
    number = "1 request" if count == 1 else f"{count} requests"
    content = _ASK.format(rubric=written(rubric), count=number, earlier=told, form=form)
    return (Message(role="user", content=content),)


def read(reply: str, count: int, earlier: Sequence[str] = ()) -> tuple[str, ...]:
    """The instructions in a reply: numbered from 1, nothing before the first, none empty, none said before.

    Raises `Unreadable` for anything else, so that no instruction is taken for a part of another.
    """
    before, *parts = _MARK.split(reply)
    if before.strip():
        raise Unreadable(f"expected '[Instruction 1]' first, got {excerpt(before)}")
    numbers = [int(number) for number in parts[::2]]
    if numbers != list(range(1, count + 1)):
        raise Unreadable(f"expected instructions 1 to {count}, got {numbers or 'none'}")
    texts = tuple(usable(text, f"instruction {number}") for number, text in zip(numbers, parts[1::2], strict=True))
    seen = set(map(words_of, earlier))
    for number, text in zip(numbers, texts, strict=True):
        if text.startswith("(") and text.endswith(")"):
            raise Unreadable(f"expected instruction {number} filled in, got {excerpt(text)}")
        if words_of(text) in seen:
            raise Unreadable(f"expected new instructions, got one again as number {number}: {excerpt(text)}")
        seen.add(words_of(text))
    return texts
