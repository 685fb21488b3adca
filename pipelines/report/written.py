"""Texts of a run as HTML: whatever a model or a file has said stays text, and nothing in it is invisible."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
"""Control characters as the pictures that Unicode has of them."""
_NAMED = re.compile("[\x80-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that are not seen but change what is: those of direction among them (Unicode 17, annex 9)."""
_HALVES = re.compile("[\ud800-\udfff]")
_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}


def shown(text: object) -> str:
    """The text with everything that a reader could not see made visible; no half of a character is left in it."""
    told = _HALVES.sub("\ufffd", str(text)).translate(_PICTURES)
    return _NAMED.sub(lambda found: f"[U+{ord(found.group()):04X}]", told)


def text(value: object) -> str:
    """`shown`, for the inside of an element or of a quoted attribute."""
    return html.escape(shown(value))


def as_data(value: object) -> str:
    """JSON for a `<script>` element: ASCII, and no sign in it can end the element or begin markup."""
    return json.dumps(value, allow_nan=False).translate(_MARKUP)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table; columns whose names begin with `>` stand right. Wide ones scroll within themselves."""
    right = [column.startswith(">") for column in columns]
    sides = [' class="r"' if side else "" for side in right]
    head = "".join(
        f'<th scope="col"{side}>{text(column.removeprefix(">"))}</th>'
        for side, column in zip(sides, columns, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{text(cell)}</td>" for side, cell in zip(sides, row, strict=True)) + "</tr>"
        for row in rows
    )
    # A caption is no wider than its table; this one stands above it. The keyboard can scroll the table (WCAG 2.1.1).
    told = f'<p class="above">{text(caption)}</p>' if caption else ""
    label = f' aria-label="{text(caption or "Table")}"'
    return (
        f'{told}<div class="wide" tabindex="0" role="region"{label}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def note(value: object) -> str:
    """A paragraph beside a chart."""
    return f'<p class="note">{text(value)}</p>'


def undefined(what: str, why: object) -> str:
    """Where a figure would stand that the run does not determine."""
    return f'<p class="undefined"><b>{text(what)}</b> not determined: {text(why)}.</p>'
