"""MT-Bench's filled-in prompts back into questions, answers and references.

The patterns are made of the prompts themselves (`schemas/mt_bench_prompt.py`), so that they match the same characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ..mt_bench_prompt import prompt
from ..rows import Message, Task
from ._conversations import met, transcript

_FIELD = re.compile("\x00([a-z_0-9]+)\x00")
_TWO_TURNS = "-multi-turn"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a prompt shows."""

    chat: tuple[Message, ...]
    answers: tuple[str, ...]
    """In the order shown; from where replies of earlier turns differ, the rest of a conversation is one answer."""
    reference: str | None
    turn: int
    """1 or 2."""


def read_prompt(template: str, text: str) -> Asked:
    """The parts of a prompt that was made of the template of this name.

    Raises `ValueError` for an unknown template, another text, and one whose parts hold marks of the template: it could
    be read in more than one way.
    """
    known = _templates()
    if template not in known:
        raise ValueError(f"no such template (got {template!r}). Known: {', '.join(sorted(known))}.")
    pattern, marks = known[template]
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"not what the template {template} makes")
    parts = found.groupdict()
    if any(mark in part for part in parts.values() for mark in marks):
        raise ValueError(f"a part of it holds marks of the template {template}, so where parts end is not certain")
    return _two_turns(parts) if template.endswith(_TWO_TURNS) else _one_turn(parts)


def marks_of(template: str) -> tuple[str, ...]:
    """What separates the parts of a prompt."""
    return _templates()[template][1]


def _one_turn(parts: dict[str, str]) -> Asked:
    answers = tuple(parts[name] for name in ("a", "b") if name in parts)
    return Asked((Message(role="user", content=parts["question"]),), answers, parts.get("reference"), 1)


def _two_turns(parts: dict[str, str]) -> Asked:
    """Every side has its own first reply upstream; one that is the same for all is part of the chat."""
    sides = [_side(parts, name) for name in ("a", "b", "reference") if name in parts]
    answers = sides[: len(sides) - ("reference" in parts)]
    chat, texts = met(answers[0], answers[-1])
    reference = None
    if "reference" in parts:
        own = sides[-1]
        reference = transcript(own[len(chat) :] if own[: len(chat)] == chat else own[1:])
    return Asked(chat, texts[: len(answers)], reference, 2)


def _side(parts: dict[str, str], name: str) -> tuple[Message, ...]:
    said = (parts["question"], parts[f"{name}_given"], parts["second"], parts[name])
    first, given, second, answer = said
    return (
        Message(role="user", content=first),
        Message(role="assistant", content=given),
        Message(role="user", content=second),
        Message(role="assistant", content=answer),
    )


@cache
def _templates() -> dict[str, tuple[re.Pattern[str], tuple[str, ...]]]:
    """Name of a template -> the pattern of its prompts, and what separates their parts."""
    found = {}
    for messages in (("question",), ("question", "given", "second")):
        task = Task(messages=tuple(_placeholder(role, name) for role, name in zip(_ROLES, messages, strict=False)))
        for answers in (("a",), ("a", "b")):
            for reference in (None, "reference"):
                shown = prompt(task, [_mark(name) for name in answers], reference and _mark(reference))
                found[shown.template] = _pattern(shown.user)
    return found


_ROLES = ("user", "assistant", "user")


def _placeholder(role: str, name: str) -> Message:
    return Message.model_validate({"role": role, "content": _mark(name)})


def _mark(name: str) -> str:
    return f"\x00{name}\x00"


def _pattern(user: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """A group for each part; a part that comes again must be the same, save a first reply, which each side has."""
    literals, names = _FIELD.split(user)[::2], _FIELD.split(user)[1::2]
    pattern = re.escape(literals[0])
    seen: set[str] = set()
    side = 0
    sides = [name for name in names if name in ("a", "b", "reference")]
    for name, literal in zip(names, literals[1:], strict=True):
        own = f"{sides[side]}_given" if name == "given" else name
        side += name in sides
        pattern += f"(?P={own})" if own in seen else f"(?P<{own}>.*?)"
        pattern += re.escape(literal)
        seen.add(own)
    marks = {part.strip() for literal in literals for part in literal.split("\n") if part.strip()}
    return re.compile(pattern, re.DOTALL), tuple(sorted(marks))
