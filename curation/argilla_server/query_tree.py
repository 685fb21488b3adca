"""What a text query means: a tree of words, phrases and prefixes under AND, OR and NOT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """Words that stand next to each other in one field. One word that the tokenizer splits is a phrase, too."""

    words: str
    prefix: bool = False
    """Whether the last word may go on."""


@dataclass(frozen=True)
class Everything:
    """Every record: the query `*`."""


@dataclass(frozen=True)
class Not:
    """The records that do not match."""

    node: Node


@dataclass(frozen=True)
class And:
    """The records that match all of them, each in any field."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """The records that match one of them or more."""

    nodes: tuple[Node, ...]


Node: TypeAlias = Text | Everything | Not | And | Or


def wanted(node: Node) -> Iterator[Text]:
    """The words under no NOT: those that say how well a record matches."""
    match node:
        case Text():
            yield node
        case And(nodes) | Or(nodes):
            for child in nodes:
                yield from wanted(child)
        case _:
            return


def depth(node: Node) -> int:
    """How many operators stand inside each other; 0 for a word."""
    match node:
        case Not(child):
            return 1 + depth(child)
        case And(nodes) | Or(nodes):
            return 1 + max(depth(child) for child in nodes)
        case _:
            return 0
