"""The text query: what is read, and what SQLite finds, against an evaluator that looks at every record."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.argilla_server.query import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_TERMS,
    QueryTooLarge,
    parse,
)
from prefmill.curation.argilla_server.query_tree import And, Everything, Node, Not, Or, Text
from prefmill.curation.argilla_server.searching import Search, search
from prefmill.curation.argilla_server.store import Store

from .argilla_documents import DATASET, document, filled

A, B, C, D = Text("a"), Text("b"), Text("c"), Text("d")


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("a", A),
        ("a b", And((A, B))),
        ("a + b", And((A, B))),
        ("a | b", Or((A, B))),
        ("a|b", Or((A, B))),
        ("a b | c", Or((And((A, B)), C))),
        ("a | b c", And((Or((A, B)), C))),
        ("a (b | c)", And((A, Or((B, C))))),
        ("-a", Not(A)),
        ("--a", A),
        ("- a", A),
        ("a -b", And((A, Not(B)))),
        ("-(a | b) c", And((Not(Or((A, B))), C))),
        ('"a b"', Text("a b")),
        ('"a b"~3 c', And((Text("a b"), C))),
        ("a~2 b", And((A, B))),
        ("a*", Text("a", prefix=True)),
        (r"a\*", Text("a*")),
        (r"a\ b", Text("a b")),
        (r"\"a", Text('"a')),
        ("*", Everything()),
        ("a-b", Text("a-b")),
        ("| a", A),
        ("a | + b", Or((A, B))),
        ("a |", A),
        ('"a b', And((A, B))),
        ("(a b", And((A, B))),
        ("a) b", And((A, B))),
        ("() a", A),
        ("(a) | ()", A),
        ("((((a))))", A),
        ('a "" b', And((A, B))),
        ("a !! b", And((A, B))),
        ("", None),
        ("  ", None),
        ("!!!", None),
        ("-!!", None),
        ('("', None),
        ("\\", None),
        ("a\0b", And((A, B))),
        ("a\ud800", Text("a?")),
    ],
)
def test_a_query_is_read_as_lucene_reads_it(query: str, tree: Node | None) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (" ".join(["a"] * (MAX_TERMS + 1)), "words"),
        ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), "deep"),
        ("a" * (MAX_CHARACTERS + 1), "characters"),
        ("a" + " b | c" * MAX_DEPTH, "changes"),
    ],
)
def test_what_is_over_a_cap_is_refused(query: str, message: str) -> None:
    with pytest.raises(QueryTooLarge, match=message):
        parse(query)


def test_what_is_at_the_caps_runs() -> None:
    store = filled([document(1, {"body": "a"})])
    alternating = "a" + " | a + a" * (MAX_DEPTH // 2)
    nested = "(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH
    negated = "-(a " * (MAX_DEPTH // 2) + ")" * (MAX_DEPTH // 2)
    long = "a " * (MAX_TERMS - 18) + "-(b | -a)" + " | a + a" * 8
    for query in (alternating, " ".join(["a"] * MAX_TERMS), nested):
        assert _found(store, query) == {"r1"}
    for query in (negated, long):
        assert _found(store, query) <= {"r1"}


WORDS = ("card", "cards", "cash", "pay", "payment", "été", "b2")


def _tokens(text: str) -> list[str]:
    return [word.replace("é", "e") for word in re.findall(r"\w+", text.lower())]


def _matches(node: Node, fields: list[list[str]]) -> bool:
    match node:
        case Text(words, prefix):
            wanted = _tokens(words)
            size = len(wanted)
            runs = [run[at : at + size] for run in fields for at in range(len(run) - size + 1)]
            if prefix:
                return any(run[:-1] == wanted[:-1] and run[-1].startswith(wanted[-1]) for run in runs)
            return wanted in runs
        case Everything():
            return True
        case Not(child):
            return not _matches(child, fields)
        case And(nodes):
            return all(_matches(child, fields) for child in nodes)
        case Or(nodes):
            return any(_matches(child, fields) for child in nodes)


TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
ATOMS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(("ca*", "pa*", "ÉT*", "CARD", "card-pay", "*", "nothing", "cash~1")),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"'),
)
QUERIES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from((" ", " + ", " | ")), inner).map("".join),
        inner.map(lambda query: f"-({query})"),
        inner.map(lambda query: f"({query})"),
    ),
    max_leaves=8,
)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), QUERIES, st.sampled_from((None, "title", "body")))
def test_sqlite_finds_what_a_look_at_every_record_finds(
    texts: list[tuple[str, str]], query: str, field: str | None
) -> None:
    store = filled([document(number, {"title": a, "body": b}) for number, (a, b) in enumerate(texts)])
    tree = parse(query)
    assert tree is not None
    expected = set()
    for number, (title, body) in enumerate(texts):
        fields = {"title": _tokens(title), "body": _tokens(body)}
        if _matches(tree, [fields[field]] if field is not None else list(fields.values())):
            expected.add(f"r{number}")
    assert _found(store, query, field) == expected
    store.close()


CHARACTERS = "\"()*+|-~\\:^{}[]<>?=&!;'\0\ud800\U0010ffff\u0301界éİß\t\n"
PIECES = ("AND", "OR", "NOT", "NEAR(", "f0", "rowid", "text_1", "--", "/*", "';DROP TABLE docs;", "~999999999999")
HOSTILE = (*CHARACTERS, *PIECES, *" " * 8, *"aaaa", *["card"] * 4)


def test_no_hostile_query_fails() -> None:
    """4,000 of them, seeded; whatever is found is there, and the store is whole afterwards."""
    store = filled([document(1, {"title": "card", "body": "a été 界"}), document(2, {"body": "NOT near"})])
    draw = random.Random(7)
    found = 0
    for _ in range(4000):
        query = "".join(draw.choices(HOSTILE, k=draw.randint(0, 40)))
        try:
            found += len(_found(store, query, draw.choice((None, "body"))))
        except QueryTooLarge:
            continue
    assert found > 200
    assert _found(store, "*") == {"r1", "r2"}


def _found(store: Store, query: str, field: str | None = None) -> set[str]:
    found = search(store, DATASET, Search(query, field))
    records = {record for record, _ in found.items}
    assert len(records) == len(found.items) == found.total
    assert all(score is not None and score > 0 for _, score in found.items)
    return records


def test_the_better_match_comes_first() -> None:
    texts = ["one card and many other words that say nothing about it at all", "card card", "cash"]
    store = filled([document(number, {"body": text}) for number, text in enumerate(texts)])
    assert [record for record, _ in search(store, DATASET, Search("card | nothing-here")).items] == ["r1", "r0"]


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ValueError, match=r"'nowhere'.*title, body"):
        search(filled([]), DATASET, Search("a", "nowhere"))
