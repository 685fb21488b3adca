"""What counts as a word, and which texts are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.duplicates.words import fold, normalised, words

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
"""Lone surrogates and NUL included."""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What's  a\tPULSAR?\n", "what s a pulsar"),
        ("state-of-the-art, isn’t it", "state of the art isn t it"),
        ("**bold** `code` snake_case", "bold code snake case"),
        ("ﬁne ＡＢＣ① Straße", "fine abc1 strasse"),
        ("Cafe\u0301 caf\u00e9", "café café"),
        ("soft\u00adhy\u200bphen\ufeff", "softhyphen"),
        ("日本語です", "日 本 語 で す"),
        ("ｶﾞ", "ガ"),
        ("한국어 문장", "한국어 문장"),
        ("สวัสดี", "ส ว ั ส ด ี"),
        ("שָׁלוֹם عليكم", "שָׁלוֹם عليكم"),
        ("हिन्दी में", "हिन्दी में"),
        ("C++ a=b $5 👍", "c + + a = b $ 5 👍"),
        ("3 * 4", "3 * 4"),
        ("3*x/y - 2", "3 * x y - 2"),
        ("and/or, a - b", "and or a b"),
        ("nul\0byte", "nul byte"),
        ("lone \ud800 half", "lone half"),
    ],
)
def test_words(text: str, found: str) -> None:
    assert words(text) == fold(found).split(" ")


def test_what_has_no_words_is_itself() -> None:
    assert normalised(["", " \n", "?!", " ?! ", "...", "\ud800"]) == ["", "", "?!", "?!", "...", "\ud800"]
    assert words("") == []


@given(st.lists(ANY_TEXT, max_size=6))
def test_together_or_one_by_one_is_the_same(texts: list[str]) -> None:
    assert normalised(texts) == [normalised([text])[0] for text in texts]
    assert [text for text in normalised(texts) if words(text)] == [" ".join(words(t)) for t in texts if words(t)]


@given(ANY_TEXT)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert normalised(normalised([text])) == normalised([text])
