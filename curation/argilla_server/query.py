"""Reads a text query as Elasticsearch's `simple_query_string` does, with AND between words.

Source: argilla-server 2.8.0, `search_engine/commons.py`, `es_simple_query_string` (default_operator AND); the syntax
and what happens to unfinished queries are those of Lucene's `SimpleQueryParser`: words; `"phrase"`; `a | b`; `a + b`;
`-a`; `( )`; `prefix*`; a backslash takes the meaning of the next character away. Operators have no precedence: they
apply from left to right. An unclosed quote or bracket is ignored. `word~2` and `"phrase"~2` are accepted, and their
number is ignored: there is no fuzzy search here.

The cap on depth is Elasticsearch's (elastic.co/guide, `indices.query.bool.max_nested_depth`, 20); Lucene takes 1024
words, where SQLite's parsers would be at their end.
"""

from __future__ import annotations

import re
import unicodedata

from .query_tree import And, Everything, Node, Not, Or, Text, depth

MAX_CHARACTERS, MAX_TERMS, MAX_DEPTH = 10_000, 128, 20

_SPACE = " \t\n\r"
_ENDS_A_WORD = frozenset('"|+()' + _SPACE)
_FUZZY = re.compile(r"~\d*$")
_SLOP = re.compile(r"~\d+")


class QueryTooLarge(ValueError):
    """A query is longer or deeper than the caps. The server answers 422, as for any ValueError."""


def parse(query: str) -> Node | None:
    """The tree of a query; None where nothing in it can be searched for, which matches no record.

    Raises `QueryTooLarge` above `MAX_CHARACTERS`, `MAX_TERMS` or `MAX_DEPTH`.
    """
    if len(query) > MAX_CHARACTERS:
        raise QueryTooLarge(f"the query has {len(query)} characters; {MAX_CHARACTERS} is the most")
    text = _searchable_text(query)
    tree = _Parser(text).subquery(0, len(text), 0)
    if tree is not None and (nested := depth(tree)) > MAX_DEPTH:
        raise QueryTooLarge(f"the query changes between + and | {nested} deep; {MAX_DEPTH} is the most")
    return tree


def has_word(text: str) -> bool:
    """Whether FTS5's tokenizer unicode61 finds a word in a text: letters, numbers, private use."""
    return any(unicodedata.category(character)[0] in "LN" or "\ue000" <= character <= "\uf8ff" for character in text)


def _searchable_text(text: str) -> str:
    """A text that SQLite takes: lone surrogates cannot be encoded, and a zero byte ends an FTS5 expression."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.terms = 0
        self.closing = _closing_brackets(text)

    def subquery(self, start: int, end: int, brackets: int) -> Node | None:
        """The tree of a part of the text, from left to right."""
        if brackets > MAX_DEPTH:
            raise QueryTooLarge(f"the query has brackets {brackets} deep; {MAX_DEPTH} is the most")
        text = self.text
        top: Node | None = None
        operator: type[And] | type[Or] | None = None
        negated = False
        at = start
        while at < end:
            character, branch = text[at], None
            if character == "-":
                negated, at = not negated, at + 1
                continue
            if character in "+|":
                # The first of several operators counts, and none before the first word.
                operator = operator or ((And if character == "+" else Or) if top is not None else None)
                at += 1
            elif character == "(" and (close := self.closing.get(at, end)) < end:
                branch, at = self.subquery(at + 1, close, brackets + 1), close + 1
            elif character == '"' and (quote := self._closing_quote(at + 1, end)) is not None:
                branch, at = self._text(_unescaped(text[at + 1 : quote])), quote + 1
                if slop := _SLOP.match(text, at, end):
                    at = slop.end()
            elif character in '()"' or character in _SPACE:
                at += 1
            else:
                branch, at = self._word(at, end)
            if branch is not None:
                top = _joined(top, Not(branch) if negated else branch, operator or And)
                operator = None
            negated = False
        return top

    def _word(self, at: int, end: int) -> tuple[Node | None, int]:
        stop = at
        while stop < end and self.text[stop] not in _ENDS_A_WORD:
            stop += 2 if self.text[stop] == "\\" else 1
        stop = min(stop, end)
        word = _FUZZY.sub("", self.text[at:stop])
        if word == "*":
            self._count()
            return Everything(), stop
        prefix = word.endswith("*") and not _ends_escaped(word)
        return self._text(_unescaped(word[:-1] if prefix else word), prefix), stop

    def _text(self, words: str, prefix: bool = False) -> Text | None:
        if not has_word(words):
            return None
        self._count()
        return Text(words, prefix)

    def _count(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise QueryTooLarge(f"the query has more than {MAX_TERMS} words and phrases")

    def _closing_quote(self, at: int, end: int) -> int | None:
        while at < end:
            if self.text[at] == '"':
                return at
            at += 2 if self.text[at] == "\\" else 1
        return None


def _joined(top: Node | None, branch: Node, operator: type[And] | type[Or]) -> Node:
    if top is None:
        return branch
    # The same operator goes on in the same node; another one takes all that was read so far as its first operand.
    return operator((*top.nodes, branch) if type(top) is operator else (top, branch))


def _closing_brackets(text: str) -> dict[int, int]:
    """Position of each opening bracket that is closed -> position of its closing one."""
    opened: list[int] = []
    pairs: dict[int, int] = {}
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "(":
            opened.append(at)
        elif text[at] == ")" and opened:
            pairs[opened.pop()] = at
        at += 1
    return pairs


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)


def _ends_escaped(word: str) -> bool:
    before = word[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
