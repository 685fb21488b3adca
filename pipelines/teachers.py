"""One question to one teacher: ask, read, ask again for what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import orjson

from ..generators.calls import Caller, Outcome, drawn
from ..generators.judges import Judge, Reading
from ..generators.providers import Request
from ..schemas.errors import Unaskable, Unreadable
from ..schemas.rows import Answer, Failure, Task, Usage
from .stages import together


@dataclass(frozen=True, slots=True)
class Heard:
    """What a teacher said: a reading, or why there is none."""

    reading: Reading | None
    failure: Failure | None
    raw: str | None
    """The reply; of several parts, a JSON list of them, null for one that did not come."""
    usage: Usage
    """Of all replies that were paid for."""
    sample: int
    """0 for the first reply, k for the k-th time it was asked again."""


async def ask(judge: Judge, caller: Caller, task: Task, shown: Sequence[Answer], with_reference: bool) -> Heard:
    """Ask a teacher about the answers shown.

    A reply that cannot be read is asked for again as a fresh sample, `judge.retries` times; then it stays a failure
    with its raw text.
    """
    try:
        parts = judge.questions(task, shown, with_reference)
    except Unaskable as error:
        return Heard(None, Failure(kind="unaskable", message=str(error)), None, Usage(), 0)
    usage: Usage | None = None
    for again in range(judge.retries + 1):
        sampling = drawn(caller.provider.sampling, again, again)
        outcomes = await together(*(caller.call(Request(part, sampling, again, task)) for part in parts))
        spent = reduce(add, (outcome.usage for outcome in outcomes))
        usage = spent if usage is None else usage + spent
        heard = _heard(outcomes, usage, again, lambda texts: judge.read_for(task, texts, len(shown)))
        if heard.failure is None or heard.failure.kind not in ("unreadable", "empty"):
            break
    return heard


def _heard(outcomes: Sequence[Outcome], usage: Usage, again: int, read: Callable[[Sequence[str]], Reading]) -> Heard:
    replies = [outcome.reply.text if outcome.reply else None for outcome in outcomes]
    texts = [text for text in replies if text is not None]
    raw = (texts[0] if len(outcomes) == 1 else orjson.dumps(replies).decode()) if texts else None
    for outcome in outcomes:
        if outcome.failure is not None:
            return Heard(None, outcome.failure, raw, usage, again)
    try:
        return Heard(read(texts), None, raw, usage, again)
    except Unreadable as error:
        return Heard(None, Failure(kind="unreadable", message=str(error)), raw, usage, again)
