"""Turns the tree of a text query into SQL over one FTS5 table, with one column for each field and one row a record.

Source: sqlite.org/fts5.html, "Full-text Query Syntax". FTS5 has no unary NOT, so what is negated becomes set logic in
SQL; what is not becomes one MATCH, where words may stand in different columns of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

from .query_tree import And, Everything, Node, Not, Or, Text, wanted


@dataclass(frozen=True)
class Condition:
    """A piece of SQL that is true or false of a record `d`, and its parameters in order."""

    sql: str
    parameters: tuple[object, ...] = ()


ALL = Condition("1")


def text_condition(node: Node, table: str, column: str | None) -> Condition:
    """True of the records that match, in any column, or in one.

    `table` and `column` are names that the store made itself: they are not quoted here.
    """
    expression = _expression(node)
    if expression is not None:
        return Condition(f"d.rowid IN (SELECT rowid FROM {table} WHERE {table} MATCH ?)", (_in(column, expression),))
    match node:
        case Not(child):
            inner = text_condition(child, table, column)
            return Condition(f"NOT ({inner.sql})", inner.parameters)
        case And(nodes):
            return joined(" AND ", [text_condition(child, table, column) for child in nodes])
        case Or(nodes):
            return joined(" OR ", [text_condition(child, table, column) for child in nodes])
        case _:
            return ALL


def scoring_expression(node: Node, column: str | None) -> str | None:
    """What BM25 ranks by: any of the words that are asked for. None where a query only excludes."""
    words = [_quoted(word) for word in wanted(node)]
    return _in(column, " OR ".join(words)) if words else None


def joined(operator: str, conditions: list[Condition]) -> Condition:
    """Conditions under one operator. At least one is needed."""
    sql = operator.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(value for condition in conditions for value in condition.parameters))


def _expression(node: Node) -> str | None:
    """A tree without NOT and without `*` as one FTS5 expression."""
    match node:
        case Text():
            return _quoted(node)
        case And(nodes) | Or(nodes):
            parts = [_expression(child) for child in nodes]
            known = [part for part in parts if part is not None]
            operator = " AND " if isinstance(node, And) else " OR "
            return f"({operator.join(known)})" if len(known) == len(parts) else None
        case Everything() | Not():
            return None


def _quoted(text: Text) -> str:
    words = text.words.replace('"', '""')
    return f'"{words}"*' if text.prefix else f'"{words}"'


def _in(column: str | None, expression: str) -> str:
    return f"{{{column}}} : ({expression})" if column else expression
