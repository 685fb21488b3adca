"""Chats in OpenAI's shape (`role`, `content`) or ShareGPT's (`from`, `value`, as in the files FastChat trains on)."""

from __future__ import annotations

from typing import Any

from ...schemas.rows import Message, Role
from ._values import Malformed, json_of, quoted, text_of

ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
"""Names of speakers in either shape of chat."""


def chat_of(value: object, name: str) -> tuple[Message, ...]:
    """The turns up to and including the user's last; a blank system prompt is left out. Raises `Malformed`."""
    turns = _turns(value, name)
    roles = [_role(turn) for turn in turns]
    if "user" not in roles:
        raise Malformed(f"{name} has no user turn (got {quoted([_speaker(turn) for turn in turns])})")
    last = len(roles) - 1 - roles[::-1].index("user")
    chat: list[Message] = []
    for index, (role, turn) in enumerate(zip(roles[: last + 1], turns, strict=False)):
        if role is None:
            raise Malformed(
                f"{name}[{index}]: unknown role {quoted(_speaker(turn))}. Known: {', '.join(sorted(ROLES))}."
            )
        value = turn.get("content")
        content = text_of(turn.get("value") if value is None else value, f"{name}[{index}]")
        if role == "system" and not content.strip():
            continue
        if role == "system" and chat:
            raise Malformed(f"{name}[{index}]: a system message must come first")
        chat.append(Message(role=role, content=content))
    if not chat[-1].content.strip():
        raise Malformed(f"{name}[{last}]: the last user turn is blank")
    return tuple(chat)


def _turns(value: object, name: str) -> list[dict[str, Any]]:
    if isinstance(value, str):
        value = json_of(value, name)
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        # `datasets` keeps a list of structs as a struct of lists where the feature was declared as a Sequence.
        lengths = {len(column) for column in value.values()}
        if len(lengths) == 1:
            value = [dict(zip(value, turn, strict=True)) for turn in zip(*value.values(), strict=True)]
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise Malformed(f"{name} must be a list of {{role, content}} (got {quoted(value)})")
    return value


def _speaker(turn: dict[str, Any]) -> object:
    return turn.get("role") or turn.get("from")


def _role(turn: dict[str, Any]) -> Role | None:
    speaker = _speaker(turn)
    return ROLES.get(speaker) if isinstance(speaker, str) else None
