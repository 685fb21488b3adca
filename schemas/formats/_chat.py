"""Chats as lists of `{role, content}` objects, the form that most training libraries read, and single questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import CannotCarry
from ..rows import Message, Role, Task
from . import Record
from ._lines import Line

_ROLES: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


def turns(messages: Iterable[Message]) -> list[Record]:
    """Messages as records."""
    return [message.model_dump() for message in messages]


def reply(text: str) -> list[Record]:
    """An answer as the one message of a list."""
    return [{"role": "assistant", "content": text}]


def chat(line: Line, key: str) -> tuple[Message, ...]:
    """A list of messages. Raises `ValueError` where it is none, or has a role that prefmill does not know."""
    return tuple(_message(turn) for turn in line.each(key))


def prompt(line: Line, key: str = "prompt") -> tuple[Message, ...]:
    """A list of messages, the last of which is the user's."""
    messages = chat(line, key)
    if not messages or messages[-1].role != "user":
        raise line.wrong(key, "the last message must be the user's")
    return messages


def reply_at(line: Line, key: str) -> str:
    """The text of a list of one message, the assistant's."""
    messages = chat(line, key)
    if len(messages) != 1 or messages[0].role != "assistant":
        raise line.wrong(key, "expected one message of the assistant")
    return messages[0].content


def dialogue(line: Line, key: str) -> tuple[tuple[Message, ...], str]:
    """A list of messages that ends with the assistant's answer: what was asked, and the answer."""
    messages = chat(line, key)
    if len(messages) < 2 or [message.role for message in messages[-2:]] != ["user", "assistant"]:
        raise line.wrong(key, "the last two messages must be the user's and the assistant's")
    return messages[:-1], messages[-1].content


def only_question(task: Task) -> str:
    """What was asked, where it is a single message of the user. Raises `CannotCarry`: `not_single_turn` for a chat with
    a system prompt or earlier turns."""
    if len(task.messages) != 1:
        raise CannotCarry("not_single_turn")
    return task.instruction


def _message(turn: Line) -> Message:
    return Message(content=turn.text("content"), role=turn.choice("role", _ROLES))
