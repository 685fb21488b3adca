"""What all rows have in common: an id that follows from their content, and failures and usage as values."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal, Self

import orjson
from pydantic import BaseModel

from .frozen import Frozen, derived

FailureKind = Literal[
    "malformed",  # a source line that cannot be read
    "duplicate",  # an id that an earlier line already uses for something else
    "timeout",  # no reply in time
    "connection",  # reset, refused, name not found
    "rate_limited",  # HTTP 429, still after all attempts
    "server_error",  # HTTP 5xx, still after all attempts
    "rejected",  # HTTP 4xx: the endpoint does not accept this request
    "protocol",  # HTTP 200 whose body is not a chat completion
    "expired",  # a batch ended before this request's turn: its time was over, or it was cancelled
    "empty",  # a reply without text
    "content_filter",  # the endpoint withheld the reply
    "unaskable",  # a task that the judge cannot ask about, such as one without a rubric
    "unreadable",  # a judge's reply that its reader does not accept
    "unanswered",  # no recorded answer for this task
    "no_usable_pair",  # fewer usable answers than a comparison needs
    "no_judgment",  # a comparison none of whose judgments could be read
]
"""Why a row failed. Fixed strings, so that reasons can be counted and compared between runs."""
UNREAD: frozenset[FailureKind] = frozenset({"unreadable", "empty"})
"""Failures of a reply that came: it may be asked for again."""


def digest(*parts: object, size: int = 8) -> str:
    """`size` bytes of BLAKE2b over the JSON form of `parts`, in hex; the same on every machine and version."""
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=_plain)
    return hashlib.blake2b(text, digest_size=size).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Row):
        unset = {name for name in (*value.identity_if_set, *value.later) if getattr(value, name) is None}
        return value.model_dump(exclude=unset)
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise TypeError(f"no JSON form for {type(value).__name__}")


class Row(Frozen):
    """A frozen row; `id` is derived from the fields named in `identity`."""

    identity: ClassVar[tuple[str, ...]]
    """Names of the fields that make this row what it is."""
    identity_if_set: ClassVar[tuple[str, ...]] = ()
    """Names of further such fields that count only where they are not None: rows without them keep their ids."""
    later: ClassVar[tuple[str, ...]] = ()
    """Names of fields that do not make it what it is and came after rows of this kind had been stored: where they are
    None, a row that holds this one keeps its id."""

    @derived
    def id(self) -> str:
        """16 hex digits, derived from the row's kind and identity."""
        later = {name: value for name in self.identity_if_set if (value := getattr(self, name)) is not None}
        return digest(
            type(self).__name__, *(getattr(self, name) for name in self.identity), *([later] if later else [])
        )

    @classmethod
    def parse(cls, record: dict[str, Any]) -> Self:
        """The row stored as `record` (see `record`). Raises `ValueError` where its id is not that of its content."""
        fields = dict(record)
        stored = fields.pop("id", None)
        row = cls.model_validate(fields)
        if stored is not None and stored != row.id:
            raise ValueError(f"{cls.__name__} {stored} does not have the content its id says (content: {row.id})")
        return row

    def record(self, context: object = None) -> dict[str, Any]:
        """The row as plain values, with its id in front; `context` is pydantic's serialisation context."""
        return {"id": self.id, **self.model_dump(context=context)}


class Failure(Frozen):
    """Why something is not there."""

    kind: FailureKind
    message: str
    """One line for a person."""


class Usage(Frozen):
    """What a call was billed for, as the endpoint counted it. All attempts that were answered are summed."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0
    """Calls whose reply was paid for: 1, or more where a reply had to be asked for again."""
    cost_usd: float | None = None
    """None where no price is known; never 0 by default."""

    def __add__(self, other: Usage) -> Usage:
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            calls=self.calls + other.calls,
            cost_usd=sum(known) if known else None,
        )
