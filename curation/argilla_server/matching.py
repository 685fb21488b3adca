"""Turns the tree of a text query into SQL over one FTS5 table, with one column for each field and one row a record.

Source: sqlite.org/fts5.html, "Full-text Query Syntax". FTS5 has no unary NOT, so what is negated becomes set logic in
SQL; what is not becomes one MATCH, where words may stand in different columns of a row.

The tokenizer `trigram` finds parts of words, in any script, but nothing shorter than three characters (there, "The
Trigram Tokenizer"): shorter words are looked for with LIKE, which reads every text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .query_tree import And, Everything, Node, Not, Or, Text, wanted

TRIGRAM = 3
"""Characters in a token of the tokenizer `trigram`."""


@dataclass(frozen=True)
class Condition:
    """A piece of SQL that is true or false of a record `d`, and its parameters in order."""

    sql: str
    parameters: tuple[object, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where words are looked for. The names are those that the store made itself: they are not quoted here."""

    table: str
    columns: tuple[str, ...]
    """At least one."""
    parts: bool
    """Whether the table is cut into trigrams: words are found within words."""

    def holds(self, text: Text) -> bool:
        """Whether MATCH can find it."""
        return not self.parts or len(text.words) >= TRIGRAM

    def within(self, expression: str) -> str:
        """An FTS5 expression, for these columns alone."""
        return f"{{{' '.join(self.columns)}}} : ({expression})"


ALL = Condition("1")


def text_condition(node: Node, place: Place) -> Condition:
    """True of the records that match."""
    expression = _expression(node, place)
    if expression is not None:
        sql = f"d.rowid IN (SELECT rowid FROM {place.table} WHERE {place.table} MATCH ?)"
        return Condition(sql, (place.within(expression),))
    match node:
        case Text():
            return _contained(node, place)
        case Not(child):
            inner = text_condition(child, place)
            return Condition(f"NOT ({inner.sql})", inner.parameters)
        case And(nodes):
            return joined(" AND ", [text_condition(child, place) for child in nodes])
        case Or(nodes):
            return joined(" OR ", [text_condition(child, place) for child in nodes])
        case _:
            return ALL


def scoring_expression(node: Node, place: Place) -> str | None:
    """What BM25 ranks by: any of the words that are asked for. None where a query only excludes."""
    words = [_quoted(word, place) for word in wanted(node) if place.holds(word)]
    return place.within(" OR ".join(words)) if words else None


def all_scored(node: Node, place: Place) -> bool:
    """Whether each record that matches holds one of the words of `scoring_expression`."""
    return _expression(node, place) is not None


def joined(operator: str, conditions: list[Condition]) -> Condition:
    """Conditions under one operator. At least one is needed."""
    sql = operator.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(value for condition in conditions for value in condition.parameters))


def _expression(node: Node, place: Place) -> str | None:
    """A tree without NOT, without `*` and without words too short as one FTS5 expression."""
    match node:
        case Text():
            return _quoted(node, place) if place.holds(node) else None
        case And(nodes) | Or(nodes):
            parts = [_expression(child, place) for child in nodes]
            known = [part for part in parts if part is not None]
            operator = " AND " if isinstance(node, And) else " OR "
            return f"({operator.join(known)})" if len(known) == len(parts) else None
        case Everything() | Not():
            return None


def _quoted(text: Text, place: Place) -> str:
    words = text.words.replace('"', '""')
    # Of trigrams, any word is found by how it begins.
    return f'"{words}"*' if text.prefix and not place.parts else f'"{words}"'


def _contained(text: Text, place: Place) -> Condition:
    words = re.sub(r"[\\%_]", r"\\\g<0>", text.words)
    any_column = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in place.columns)
    sql = f"d.rowid IN (SELECT rowid FROM {place.table} WHERE {any_column})"
    return Condition(sql, (f"%{words}%",) * len(place.columns))
