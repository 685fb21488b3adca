"""Sets of n-grams: their sizes, their hashes on every machine, and that batches do not matter."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.duplicates.near import jaccard
from prefmill.curation.duplicates.sets import TextSets
from prefmill.curation.duplicates.shingles import shingles

from .little_corpus import as_set, corpus

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)


def test_hashes_are_the_same_on_every_machine_and_in_every_version() -> None:
    sizes, hashes = shingles(["The quick brown fox jumps", "too short", "", "日本語です"], 3)
    assert sizes.tolist() == [3, 1, 1, 3]
    assert hashes.tolist() == [
        501673262512403, 515292198226712, 823564745703704,
        284531584690258,
        794714539384450,
        418541116660084, 754489445454753, 873202053231349,
    ]  # fmt: skip


@given(st.lists(ANY_TEXT, min_size=1, max_size=6), st.integers(1, 4))
def test_as_many_as_there_are_different_tuples_of_words(texts: list[str], ngram: int) -> None:
    sizes, hashes = shingles(texts, ngram)
    assert sizes.tolist() == [len(as_set(text, ngram)) for text in texts]
    for row in np.split(hashes, np.cumsum(sizes)[:-1]):
        assert (np.diff(row.astype(np.int64)) > 0).all()


@given(ANY_TEXT, ANY_TEXT, st.integers(1, 4))
def test_the_jaccard_index_is_that_of_the_tuples(one: str, other: str, ngram: int) -> None:
    first, second = as_set(one, ngram), as_set(other, ngram)
    assert jaccard(one, other, ngram) == len(first & second) / len(first | second)
    assert jaccard(one, one, ngram) == 1


def test_few_words_are_one_ngram_that_no_longer_text_has() -> None:
    assert jaccard("a b", "A, b!") == 1
    assert jaccard("a b", "a b c") == 0
    assert jaccard("a", "a a") == 0
    assert jaccard("a b c", "a b c a b c") == 1 / 3


def test_how_texts_come_does_not_matter() -> None:
    texts = [*corpus(1), "日本語です", "", "x" * 700_000, "?!"]
    with TextSets() as at_once, TextSets() as one_by_one:
        at_once.add(iter(texts))
        for text in texts:
            one_by_one.add([text])
        assert len(at_once) == len(one_by_one) == len(texts)
        for name in ("sizes", "sums", "bits", "hashes"):
            assert np.array_equal(getattr(at_once, name), getattr(one_by_one, name))


def test_a_megabyte_is_one_text_like_any_other() -> None:
    long = " ".join(f"w{number}" for number in range(150_000))
    started = time.process_time()
    assert len(long) > 10**6
    assert jaccard(long, long.replace("w75000 ", "")) == (149_998 - 3) / (149_998 + 2)
    assert jaccard("a" * 10**6, "a" * (10**6 - 1)) == 0
    assert time.process_time() - started < 5


def test_no_texts() -> None:
    with TextSets() as sets:
        sets.add([])
        assert len(sets) == len(sets.sizes) == len(sets.hashes) == len(sets.sums) == len(sets.bits) == 0
    with pytest.raises(ValueError, match="ngram"):
        TextSets(0)
