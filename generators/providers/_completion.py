"""Reading a chat completion's JSON body (https://platform.openai.com/docs/api-reference/chat/object)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...schemas.errors import CallFailed
from ..probabilities import packed
from . import Reply

LONGEST_SHOWN = 200
"""Characters shown of a body that is no completion."""


def read_completion(body: Any, mask: Callable[[str], str] = str) -> Reply:  # noqa: ANN401 - a server may send anything
    """The reply in a parsed body. Nothing is taken for granted: a server may send anything with status 200.

    Raises `CallFailed`: `content_filter`, or `protocol` with the beginning of the body, after `mask`.
    """
    try:
        reply = _read(body)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        shown = repr(mask(str(body))[:LONGEST_SHOWN])
        raise CallFailed("protocol", f"the reply is not a chat completion: {shown}") from error
    if reply.finish_reason == "content_filter":
        raise CallFailed("content_filter", "the endpoint withheld the reply")
    return reply


def _read(body: Any) -> Reply:  # noqa: ANN401 - as above
    """The reply; raises one of four built-in errors where there is none."""
    choice, usage = body["choices"][0], body.get("usage") or {}
    message, finish = choice["message"], choice.get("finish_reason")
    text = message.get("content") or message.get("refusal") or ""
    if not isinstance(text, str) or not isinstance(finish, str | None):
        raise TypeError("a reply is text")
    (text + (finish or "")).encode()  # JSON can escape half of a character, which no file can hold.
    counts = _tokens(usage.get("prompt_tokens")), _tokens(usage.get("completion_tokens"))
    if (logprobs := choice.get("logprobs")) is None:
        return Reply(text, finish, *counts)
    return Reply(text, finish, *counts, probabilities=packed(logprobs))


def _tokens(count: object) -> int:
    """A token count; 0 where the server gives none."""
    return count if isinstance(count, int) and 0 <= count < 2**63 else 0
