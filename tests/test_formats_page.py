"""`docs/formats.md` says what the formats say, and names all of them."""

from __future__ import annotations

import re

import pytest

from .formats_page import BEGIN, PAGE, formats, section, written

OWN, _, GENERATED = PAGE.read_text(encoding="utf-8").partition(BEGIN)


@pytest.mark.parametrize("name", formats())
def test_the_page_says_what_the_format_says(name: str) -> None:
    assert section(name, formats()[name]) in GENERATED, "run `python -m tests.formats_page`"


def test_the_page_holds_nothing_else() -> None:
    assert GENERATED.strip() == written().strip()


def test_every_format_has_a_purpose_and_no_other_is_named() -> None:
    rows = re.findall(r"^\| ([a-z0-9_`, ]+) \| .* \| .* \|$", OWN, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)]
    assert sorted(set(named)) == sorted(formats())
