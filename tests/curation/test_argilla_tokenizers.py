"""What the side file's two tokenizers find, and what a change of the tokenizer does to the file."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest

from prefmill.curation.argilla_server.home import Home
from prefmill.curation.argilla_server.searching import Found, Search, search
from prefmill.curation.argilla_server.store import Store

from .argilla_documents import DATASET, document

TEXTS = {
    1: {"title": "翻译", "body": "请把这首诗翻译成英文。"},
    2: {"title": "数学", "body": "证明根号二是无理数。"},
    3: {"title": "Cats", "body": "Concatenate 100% of a_b and c."},
    4: {"title": "東京", "body": "東京タワーの高さは333メートルです。"},
}


def _filled(tokenizer: str) -> Store:
    store = Store(":memory:", tokenizer)
    weakref.finalize(store, store._connection.close)
    store.create(DATASET, ["title", "body"])
    store.write(DATASET, [document(number, texts) for number, texts in TEXTS.items()])
    return store


def _found(store: Store, query: str, field: str | None = None) -> list[int]:
    return sorted(int(record[1:]) for record, _ in search(store, DATASET, Search(query, field)).items)


@pytest.mark.parametrize(
    ("query", "parts", "words"),
    [
        ("无理数", [2], []),
        ("翻译成英文", [1], []),
        ("翻译", [1], [1]),
        ("英文", [1], []),
        ("诗", [1], []),
        ("タワー", [4], []),
        ("东京", [], []),
        ("concat", [3], []),
        ("concat*", [3], [3]),
        ("ca*", [3], [3]),
        ("cats", [3], [3]),
        ("英文 | 证明", [1, 2], []),
        ("翻译 英文", [1], []),
        ("-英文", [2, 3, 4], [1, 2, 3, 4]),
        ("无理数 -英文 证明", [2], []),
        ('"a_b and"', [3], [3]),
        ("0%", [3], []),
        ("b_", [], [3]),
        ("*", [1, 2, 3, 4], [1, 2, 3, 4]),
    ],
)
def test_trigrams_find_what_stands_within_words(query: str, parts: list[int], words: list[int]) -> None:
    assert _found(_filled("trigram"), query) == parts
    assert _found(_filled("unicode61"), query) == words


@pytest.mark.parametrize(("query", "title", "body"), [("翻译", [1], [1]), ("无理数", [], [2]), ("数学", [2], [])])
def test_a_field_alone_is_searched_alone(query: str, title: list[int], body: list[int]) -> None:
    store = _filled("trigram")
    assert _found(store, query, "title") == title
    assert _found(store, query, "body") == body


def test_the_best_match_comes_first_and_short_words_count_as_any_record() -> None:
    store = Store(":memory:", "trigram")
    weakref.finalize(store, store._connection.close)
    store.create(DATASET, ["body"])
    store.write(DATASET, [document(1, {"body": "无理数 " + "和" * 50}), document(2, {"body": "无理数无理数"})])
    found: Found = search(store, DATASET, Search("无理数"))
    assert [record for record, _ in found.items] == ["r2", "r1"]
    assert search(store, DATASET, Search("理数")).items == [("r1", 1.0), ("r2", 1.0)]


def test_a_file_of_another_tokenizer_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    for tokenizer, kept in (("unicode61", False), ("unicode61", True), ("trigram", False), ("trigram", True)):
        store = Store(path, tokenizer)
        assert (store.datasets() == {DATASET}) == kept, tokenizer
        if not kept:
            store.create(DATASET, ["body"])
            store.write(DATASET, [document(1, {"body": "翻译成英文"})])
        assert _found(store, "译成英") == ([1] if tokenizer == "trigram" else [])
        store.close()
    with pytest.raises(ValueError, match=r"no tokenizer 'porter'\. Known: unicode61, trigram$"):
        Store(path, "porter")


def test_a_home_remembers_its_tokenizer(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.tokenizer() == "unicode61"
    home.choose_tokenizer("trigram")
    assert Home(tmp_path).tokenizer() == "trigram"
