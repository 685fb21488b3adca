r"""Characters that a terminal obeys, or that change the order in which a line is read, written out.

Source: ECMA-48 and xterm's control sequences for what terminals act on; Unicode's controls of direction (UAX #9), which
CVE-2021-42574 is about. `\u001b` and the like are the same text in JSON, so that JSON made visible can still be parsed.
"""

from __future__ import annotations

import re

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 save tab and line feed, DEL and C1; separators of lines, controls of direction; halves of surrogate pairs, which
cannot be written."""


def visible(text: str) -> str:
    r"""The text with each such character as `\uXXXX`."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
