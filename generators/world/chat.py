"""What the endpoint reads of an OpenAI chat completion request, and what it sends back.

Shapes: https://platform.openai.com/docs/api-reference/chat (request, `chat.completion` object, error object).
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SYSTEM_FINGERPRINT = "simulated-world-2"
"""Sent with every completion; the number changes when the same seed no longer gives the same world."""


class _Read(BaseModel):
    """A part of a request; keys that the simulated world has no use for are ignored, as a model ignores them."""

    model_config = ConfigDict(frozen=True, extra="ignore", ignored_types=(cached_property,))


class TextPart(_Read):
    """A piece of a message's content."""

    type: Literal["text"]
    text: str


class Turn(_Read):
    """One message."""

    role: str
    content: str | tuple[TextPart, ...]

    @property
    def text(self) -> str:
        """The whole content."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class ChatRequest(_Read):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: tuple[Turn, ...] = Field(min_length=1)
    seed: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    n: Literal[1] | None = None
    stream: Literal[False] | None = None

    @model_validator(mode="after")
    def _has_a_question(self) -> Self:
        if not any(turn.role == "user" for turn in self.messages):
            raise ValueError("there is no message of the role 'user'")
        return self

    @model_validator(mode="after")
    def _alternatives_of_something(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs `logprobs: true`")
        return self

    @cached_property
    def prompt(self) -> str:
        """The text of all messages, in order."""
        return "\n\n".join(turn.text for turn in self.messages)

    @property
    def question(self) -> str:
        """The last message of the user."""
        return next(turn.text for turn in reversed(self.messages) if turn.role == "user")

    @property
    def schema_wanted(self) -> dict[str, Any] | None:
        """The JSON schema that the reply has to fit."""
        wanted = ((self.response_format or {}).get("json_schema") or {}).get("schema")
        return wanted if isinstance(wanted, dict) else None

    @property
    def token_limit(self) -> int | None:
        """Upper bound of reply tokens."""
        return self.max_completion_tokens or self.max_tokens


def tokens(text: str) -> int:
    """Tokens a text is billed as: four for three words, rounded up; words are counted by the blanks between them."""
    return -(-4 * (text.count(" ") + text.count("\n") + 1) // 3) if text else 0


def completion(
    identifier: str,
    model: str,
    text: str,
    finish_reason: str,
    usage: tuple[int, int],
    *,
    logprobs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a successful reply; `usage` is prompt and reply tokens."""
    message = {"role": "assistant", "content": text}
    return {
        "id": identifier,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": SYSTEM_FINGERPRINT,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": logprobs}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }


def error(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """The body of an error reply."""
    return {"error": {"message": f"simulated world: {message}", "type": kind, "param": param, "code": code}}
