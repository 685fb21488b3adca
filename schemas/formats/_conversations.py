"""Two conversations that meet, for formats that hold one whole conversation for each model.

A Task has one chat, common to all answers. In published conversations of several turns each model goes on from its own
earlier replies; there the Task ends where the conversations part, and the rest of each, with labels as in `chat_text`,
is that model's answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import CannotCarry
from ..rows import Message, Role, Task
from . import Record
from ._lines import Line

_ROLES: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


def conversation(task: Task, text: str) -> list[Record]:
    """The task's chat with an answer at its end, keys in the order of the published sets."""
    messages = (*task.messages, Message(role="assistant", content=text))
    return [{"content": message.content, "role": message.role} for message in messages]


def alternating(task: Task) -> tuple[list[str], list[str]]:
    """What the user said and what was replied before the last question, in turn.

    Raises `CannotCarry`: `system_prompt`, and `turns_do_not_alternate` where the user or the assistant speaks twice in
    a row.
    """
    if task.system is not None:
        raise CannotCarry("system_prompt")
    said, replied = task.turns[::2], task.turns[1::2]
    if any(turn.role != "user" for turn in said) or any(turn.role != "assistant" for turn in replied):
        raise CannotCarry("turns_do_not_alternate")
    return [turn.content for turn in said], [turn.content for turn in replied]


def messages_at(line: Line, key: str) -> tuple[Message, ...]:
    """A list of `{role, content}`; a content may be a list of parts, all of them texts, which are joined."""
    return tuple(Message(content=_content(turn), role=turn.choice("role", _ROLES)) for turn in line.each(key))


def met(first: Sequence[Message], second: Sequence[Message]) -> tuple[tuple[Message, ...], tuple[str, str]]:
    """The chat up to where two conversations part, and what each says from there on.

    Raises `ValueError` where they do not end with the assistant, or the models were not asked the same.
    """
    for messages in (first, second):
        if len(messages) < 2 or [message.role for message in messages[-2:]] != ["user", "assistant"]:
            raise ValueError("a conversation must end with the user's question and the assistant's answer")
    if _asked(first) != _asked(second):
        raise ValueError("the two models were not asked the same")
    parted = next((k for k, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]), len(first))
    # An answer begins after a message of the user; what is equal to the end is an answer all the same.
    starts = [k for k in range(1, min(parted, len(first) - 1) + 1) if first[k - 1].role == "user"]
    if not starts:
        raise ValueError("the conversations part before the user's first message")
    start = starts[-1]
    return tuple(first[:start]), (transcript(first[start:]), transcript(second[start:]))


def transcript(messages: Sequence[Message]) -> str:
    """An answer and what was said after it, as labelled paragraphs; a lone answer is itself."""
    answer, *more = messages
    return "\n\n".join([answer.content, *(f"{message.role.capitalize()}: {message.content}" for message in more)])


def _asked(messages: Sequence[Message]) -> list[str | Message]:
    return [message.role if message.role == "assistant" else message for message in messages]


def _content(turn: Line) -> str:
    if not isinstance(turn.record.get("content"), list):
        return turn.text("content")
    parts = turn.each("content")
    for part in parts:
        if part.text("type") != "text":
            raise part.wrong("type", f"expected parts that are text (got {part.text('type')!r})")
    return "\n".join(part.text("text") for part in parts)
