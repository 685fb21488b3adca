r"""Output that a terminal shows and does not obey: what texts of models and files hold cannot move the cursor.

A terminal acts on escape sequences in what is printed (ECMA-48; xterm's list of control sequences): a model's name or
an error message that holds one could rewrite lines, set the window's title or paste. Unicode's controls of direction
change the order in which a line is read (UAX #9, CVE-2021-42574). All of these are printed as `\u001b`, `\u202e` and
the like: in JSON that is the same text, so that what is piped can be parsed; elsewhere a person sees what is there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 save tab and line feed, DEL and C1; separators of lines, controls of direction; halves of surrogate pairs, which
cannot be printed."""


def visible(text: str) -> str:
    r"""The text with every control character written as `\uXXXX`."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class _Visible:
    """A stream whose text is made visible; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(visible(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


@contextmanager
def visible_output() -> Iterator[None]:
    """Make everything visible that is printed meanwhile, to stdout and to stderr."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Visible(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def own(stream: TextIO) -> TextIO:
    """The stream as it is, for what prints escape sequences of its own and makes texts visible itself."""
    return stream.stream if isinstance(stream, _Visible) else stream
