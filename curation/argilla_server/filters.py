"""Filters on what is known of a record besides its text, as SQL.

Source: argilla-server 2.8.0, `search_engine/base.py` (the scopes and filters) and `search_engine/commons.py` (what they
mean: `_response_status_filter_to_es_filter`, `_response_filter_question_to_es_filter`, `_map_filter_to_es_filter`).
Argilla gives the values of a `TermsFilter` as texts, whatever they are compared with: "3" for a rating.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isnan
from typing import TypeAlias

from .documents import Scalar, moment
from .matching import ALL, Condition, joined

PENDING = "pending"
"""As a response status: there is no response."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COLUMNS = ("id", "external_id", "status", "inserted_at", "updated_at")
_TIMES = ("inserted_at", "updated_at")


@dataclass(frozen=True)
class Fact:
    """Something that a record has values of: `metadata.NAME`, or `suggestion.QUESTION.PROPERTY`."""

    path: str


@dataclass(frozen=True)
class Column:
    """A property that every record has one of: id, external_id, status, inserted_at, updated_at."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in _COLUMNS:
            raise ValueError(f"records have no property {self.name!r}. Known: {', '.join(_COLUMNS)}")


@dataclass(frozen=True)
class Answer:
    """The answer to a question in a user's response, or in anyone's."""

    question: str
    user: str | None = None


@dataclass(frozen=True)
class ResponseStatus:
    """The status of a user's response, or of anyone's."""

    user: str | None = None


Scope: TypeAlias = Fact | Column | Answer | ResponseStatus
Bound: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class Terms:
    """One of the scope's values is among these."""

    scope: Scope
    values: Sequence[str]


@dataclass(frozen=True)
class Range:
    """One of the scope's values is in a range, both ends included."""

    scope: Scope
    ge: Bound = None
    le: Bound = None


@dataclass(frozen=True)
class All:
    """All filters hold."""

    filters: Sequence[Filter]


Filter: TypeAlias = Terms | Range | All


def filter_condition(given: Filter, dataset: int) -> Condition:
    """True of the records `d` of a dataset that a filter keeps.

    Raises ValueError for what cannot be compared: a time that is none, a range of response statuses.
    """
    match given:
        case All(filters):
            conditions = [filter_condition(part, dataset) for part in filters]
            return joined(" AND ", conditions) if conditions else ALL
        case Terms(ResponseStatus(user), values):
            return _status_condition(user, list(values))
        case Terms(Column(name), values):
            known = [_time(value) if name in _TIMES else value for value in values]
            return _one_of(f"d.{name}", known)
        case Range(Column(name), ge, le):
            bounds = [None if of is None else _time(of) if name in _TIMES else str(of) for of in (ge, le)]
            return _between(f"d.{name}", bounds)
        case Terms((Fact() | Answer()) as scope, values):
            return _of_scope(scope, _one_of("value", comparable(values)), dataset)
        case Range((Fact() | Answer()) as scope, ge, le):
            return _of_scope(scope, _between("value", [_bound(ge), _bound(le)]), dataset)
        case _:
            raise ValueError("response statuses have no order: they cannot be filtered by a range")


def comparable(values: Sequence[str]) -> list[Scalar | None]:
    """The texts, and the numbers that some of them are: SQLite takes no text for a number."""
    return [*map(stored, values), *(number for value in values if (number := _number(value)) is not None)]


def stored(value: Scalar) -> Scalar | None:
    """A value as SQLite can hold it. NaN, which is equal to nothing, becomes NULL."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else _as_float(value)
    return None if isnan(value) else value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def _number(text: str) -> Scalar | None:
    if not _NUMBER.fullmatch(text):
        return None
    # int() refuses texts of more than 4,300 digits.
    return stored(int(text)) if len(text) < 40 and text.lstrip("+-").isdigit() else float(text)


def _bound(value: Bound) -> Scalar | None:
    if value is None:
        return None
    if isinstance(value, float) and isnan(value):
        raise ValueError("NaN is no end of a range")
    number = _number(value) if isinstance(value, str) else None
    return stored(value) if number is None else number


def _time(value: str | int | float) -> str:
    """A date or time as ISO 8601 writes it, or milliseconds since 1970: what Elasticsearch takes."""
    try:
        if isinstance(value, str):
            return moment(datetime.fromisoformat(value))
        return moment(datetime.fromtimestamp(value / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{value!r} is no date or time; write it as 2026-11-22 or 2026-11-22T07:30:00") from None


def _one_of(column: str, values: Sequence[Scalar | None]) -> Condition:
    return Condition(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))


def _between(column: str, bounds: Sequence[Scalar | None]) -> Condition:
    """Without bounds: any value. SQLite puts every text after every number: only its own kind is compared."""
    sql, parameters = [f"{column} IS NOT NULL"], []
    for operator, bound in zip((">=", "<="), bounds, strict=True):
        if bound is not None:
            kind = "=" if isinstance(bound, str) else "!="
            sql.append(f"typeof({column}) {kind} 'text' AND {column} {operator} ?")
            parameters.append(bound)
    return Condition(" AND ".join(sql), tuple(parameters))


def _of_scope(scope: Fact | Answer, inner: Condition, dataset: int) -> Condition:
    if isinstance(scope, Fact):
        sql = f"d.rowid IN (SELECT doc FROM facts WHERE dataset = ? AND path = ? AND {inner.sql})"
        return Condition(sql, (dataset, scope.path, *inner.parameters))
    mine, user = ("AND r.user = ?", (scope.user,)) if scope.user is not None else ("", ())
    sql = f"""EXISTS (SELECT 1 FROM responses r JOIN answers a ON a.response = r.id
              WHERE r.doc = d.rowid {mine} AND a.question = ? AND {inner.sql})"""
    return Condition(sql, (*user, scope.question, *inner.parameters))


def _status_condition(user: str | None, values: list[str]) -> Condition:
    mine, parameters = ("AND r.user = ?", (user,)) if user is not None else ("", ())
    responses = f"SELECT 1 FROM responses r WHERE r.doc = d.rowid {mine}"
    others = [value for value in values if value != PENDING]
    among = _one_of("r.status", others)
    answered = Condition(f"EXISTS ({responses} AND {among.sql})", (*parameters, *among.parameters))
    if PENDING in values:
        missing = Condition(f"NOT EXISTS ({responses})", parameters)
        return joined(" OR ", [missing, answered]) if others else missing
    if others:
        return answered
    return ALL if user is None else Condition(f"EXISTS ({responses})", parameters)
