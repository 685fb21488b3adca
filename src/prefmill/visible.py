"""Output that a terminal shows and does not obey: what texts of models and files hold cannot move the cursor.

A model's name or an error message that holds an escape sequence could rewrite lines, set the window's title or change
colours. Everything that is printed goes through here, so that no verb has to think of it; what is drawn with escape
sequences of our own (tables in colour, progress) makes its texts visible itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from prefmill.schemas.visible import visible


class _Visible:
    """A stream whose text is made visible; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
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
    """The stream as it is, for what prints escape sequences of its own."""
    return stream.stream if isinstance(stream, _Visible) else stream
