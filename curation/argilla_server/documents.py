"""What the search engine keeps of a record. Plain values: the truth is in Argilla's own database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

Scalar: TypeAlias = str | int | float


@dataclass(frozen=True)
class Answers:
    """One annotator's response."""

    id: str
    user: str
    status: str
    updated_at: str
    values: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    """Question -> its answer, or its answers where several are given."""


@dataclass(frozen=True)
class Suggested:
    """The suggestion for one question. A property that is missing has no values."""

    question: str
    updated_at: str
    properties: Mapping[str, Sequence[Scalar]]
    """value, score, agent, type."""


@dataclass(frozen=True)
class Vector:
    """A record's vector of one kind, its numbers as float32."""

    settings: str
    updated_at: str
    value: bytes


@dataclass(frozen=True)
class Document:
    """A record as it is indexed."""

    id: str
    external_id: str | None
    status: str
    inserted_at: str
    updated_at: str
    texts: Mapping[str, str]
    metadata: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    responses: Sequence[Answers] = ()
    suggestions: Sequence[Suggested] = ()
    vectors: Sequence[Vector] = ()


def scalars(value: object) -> tuple[Scalar, ...]:
    """The values one can filter by: a scalar, or those in a list. Rankings and spans have none."""
    if isinstance(value, list | tuple):
        return tuple(scalar for entry in value for scalar in scalars(entry))
    return (value,) if isinstance(value, str | int | float) else ()


def moment(time: datetime) -> str:
    """A time as text that sorts as time does: UTC, microseconds. Argilla's times without a zone are UTC."""
    utc = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo is not None else time
    return utc.isoformat(timespec="microseconds")
