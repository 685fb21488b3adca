"""A chat as HelpSteer2 writes it into one text, and back.

Source: the card of `nvidia/HelpSteer2`, "Dataset Description": the first message of the user, then each turn after a
line that names its role, such as `<extra_id_1>Assistant`. A system prompt has no place; trainers add their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import CannotCarry
from ..rows import Message, Role, Task
from ._conversations import alternating
from ._lines import Line

_MARK = "<extra_id_"
_TURN = re.compile(r"\n<extra_id_1>(User|Assistant)\n")
_ORDER: tuple[Role, Role] = ("user", "assistant")


def prompt_text(task: Task) -> str:
    """The chat as one text.

    Raises `CannotCarry`: `system_prompt`, `turns_do_not_alternate`, `prompt_marker_in_text`.
    """
    alternating(task)
    refuse_marks(message.content for message in task.messages)
    first, *others = task.messages
    return first.content + "".join(
        f"\n<extra_id_1>{message.role.capitalize()}\n{message.content}" for message in others
    )


def refuse_marks(texts: Iterable[str]) -> None:
    """Raises `CannotCarry`: `prompt_marker_in_text` where a text contains the beginning of a mark."""
    if any(_MARK in text for text in texts):
        raise CannotCarry("prompt_marker_in_text")


def prompt_messages(line: Line, key: str) -> tuple[Message, ...]:
    """The messages in such a text. Raises `ValueError` where they do not alternate, or do not end with the user's."""
    first, *others = _TURN.split(line.text(key))
    names = ["User", *others[::2]]
    if names != [("User", "Assistant")[place % 2] for place in range(len(names))] or len(names) % 2 == 0:
        raise line.wrong(key, f"expected turns of user and assistant in turn, the user's last (got {', '.join(names)})")
    return tuple(
        Message(role=_ORDER[place % 2], content=content) for place, content in enumerate([first, *others[1::2]])
    )
