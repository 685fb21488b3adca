"""One question to an author: asked again, as a fresh sample, while its parser does not accept the reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...schemas.errors import Unreadable
from ...schemas.row import UNREAD, Failure
from ...schemas.rows import Message, Task
from ..calls import Caller, drawn
from ..providers import Request

T = TypeVar("T")

AUTHORED = "authored"
"""What rows call their source."""


async def asked(
    caller: Caller, messages: tuple[Message, ...], read: Callable[[str], T], name: str, retries: int
) -> T | Failure:
    """What `read` found in the reply, or why there is nothing.

    `name` is what the ledger calls the question. A reply that was cut off at the token limit is not read. Raises
    `EndpointError` and `Stopped` as `Caller.call` does.
    """
    question = Task(source_id=name, messages=messages, source=AUTHORED)
    for again in range(retries + 1):
        outcome = await caller.call(Request(messages, drawn(caller.provider.sampling, again, again), again, question))
        if outcome.reply is None:
            assert outcome.failure is not None
            failure = outcome.failure
        elif outcome.reply.finish_reason == "length":
            failure = Failure(
                kind="unreadable", message=f"cut off at the token limit, {outcome.reply.completion_tokens} tokens"
            )
        else:
            try:
                return read(outcome.reply.text)
            except Unreadable as error:
                failure = Failure(kind="unreadable", message=str(error))
        if failure.kind not in UNREAD:
            break
    return failure
