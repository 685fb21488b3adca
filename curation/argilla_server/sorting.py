"""The order of records, as SQL. What is missing comes last, whichever way one sorts.

Source: argilla-server 2.8.0, `search_engine/commons.py`, `build_elasticsearch_sort`; elastic.co/guide, "Sort search
results" (of several values the least counts upwards and the greatest downwards; of responses their mean, `mode: avg`).
"""

from __future__ import annotations

from dataclasses import dataclass

from .filters import Answer, Column, Fact, ResponseStatus, Scope
from .matching import Condition


@dataclass(frozen=True)
class Order:
    """One key of several."""

    scope: Scope
    descending: bool = False


def order_condition(order: Order) -> Condition:
    """What stands in ORDER BY for records `d`."""
    value = _value(order)
    direction = "DESC" if order.descending else "ASC"
    return Condition(f"{value.sql} {direction} NULLS LAST", value.parameters)


def _value(order: Order) -> Condition:
    pick = "max" if order.descending else "min"
    match order.scope:
        case Column(name):
            return Condition(f"d.{name}")
        case Fact(path):
            sql = f"(SELECT {pick}(value) FROM facts f WHERE f.doc = d.rowid AND f.path = ?)"
            return Condition(sql, (path,))
        case ResponseStatus(user):
            mine, parameters = _of(user)
            return Condition(f"(SELECT {pick}(r.status) FROM responses r WHERE r.doc = d.rowid {mine})", parameters)
        case Answer(question, user):
            mine, parameters = _of(user)
            mean = f"CASE WHEN typeof(min(value)) = 'text' THEN {pick}(value) ELSE avg(value) END"
            sql = f"""(SELECT {mean} FROM responses r JOIN answers a ON a.response = r.id
                      WHERE r.doc = d.rowid {mine} AND a.question = ?)"""
            return Condition(sql, (*parameters, question))


def _of(user: str | None) -> tuple[str, tuple[object, ...]]:
    return ("AND r.user = ?", (user,)) if user is not None else ("", ())
