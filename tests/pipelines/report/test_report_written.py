"""Texts on their way onto the page."""

from __future__ import annotations

import json

import pytest

from prefmill.pipelines.report.written import as_data, shown, table, text

from .hostile import HALF


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("plain ü 漢 😀\n\t", "plain ü 漢 😀\n\t"),
        ("\x1b[31m\x00\x7f", "␛[31m␀␡"),
        ("a\u202eb\u2028\ufeff", "a[U+202E]b[U+2028][U+FEFF]"),
        (HALF, "half \ufffd of a character"),
        (3, "3"),
    ],
)
def test_what_is_not_seen_is_shown(said: object, seen: str) -> None:
    assert shown(said) == seen


def test_texts_and_data_hold_no_markup() -> None:
    assert text("<a href='x'>\"&") == "&lt;a href=&#x27;x&#x27;&gt;&quot;&amp;"
    told = as_data({"</script>": "<!-- & \u2028 \ud83d"})
    assert not set("<>&\u2028") & set(told)
    assert json.loads(told) == {"</script>": "<!-- & \u2028 \ud83d"}
    with pytest.raises(ValueError, match="Out of range float"):
        as_data(float("nan"))


def test_a_table_aligns_and_can_be_reached() -> None:
    made = table(("name", ">n"), [("<i>", 3)], "All & <more>")
    assert '<th scope="col" class="r">n</th>' in made
    assert '<td>&lt;i&gt;</td><td class="r">3</td>' in made
    assert 'tabindex="0" role="region" aria-label="All &amp; &lt;more&gt;"' in made
