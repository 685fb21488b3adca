"""One JSON array of objects, read and written element by element.

Python's own scanner and not an event parser such as ijson: files of published formats hold NaN, which yajl refuses,
and yajl turns half of a surrogate pair into a question mark without a word.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ...schemas.errors import SourceError
from ...schemas.formats import Record
from ..files import opened
from . import Place
from .json_lines import as_json, object_in, quoted

CHUNK = 1 << 20
"""Bytes read at a time."""
LONGEST_TOKEN = 16
"""Characters at the end of what was read that may be part of a number, a word such as `-Infinity` or an escape."""
_BLANKS = re.compile(r"[ \t\n\r]*")


def read_array(path: Path, size: int = CHUNK) -> Iterator[Place]:
    """Every element, numbered from 1. Raises `SourceError` where the file is not one JSON array.

    An element that is no object is a value; a fault in the array itself ends the file, since nothing tells where the
    next element would begin.
    """
    for number, _, value in elements(path, size):
        yield number, object_in(value)


def elements(path: Path, size: int = CHUNK) -> Iterator[tuple[int, str, object]]:
    """Every element as `read_array` numbers it, with its text, in which bytes that are not UTF-8 are surrogates."""
    with opened(path) as stream:
        text = _Text(stream, size)
        if text.next() != "[":
            raise SourceError(f"{path}: {_unlike(text.next())}")
        text.skip()
        number = 0
        while text.next() != "]":
            if number:
                if text.next() != ",":
                    raise SourceError(f"{path}: row {number} is not followed by ',' or ']'")
                text.skip()
            number += 1
            try:
                piece, value = text.value()
            except (ValueError, RecursionError) as error:
                told = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise SourceError(f"{path}: row {number}: not JSON ({told}): {quoted(text.rest())}") from error
            yield number, piece, value
        text.skip()
        if text.next():
            raise SourceError(f"{path}: something follows the array, after row {number}: {quoted(text.rest())}")


def _unlike(first: str) -> str:
    if not first:
        return "holds nothing"
    more = " Call a file with one object a line `.jsonl`." if first == "{" else ""
    return f"starts with {first!r}; `.json` is one array of objects.{more}"


class _Text:
    """The file's text from the place that was read up to, as much of it as is needed."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._size = size
        # Undecodable bytes are let through as surrogates, so that they spoil their own element only.
        self._stream, self._decode = stream, codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._text, self._at, self._ended = "", 0, False
        self._scan = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """The next character that is not blank; empty at the end of the file. Does not step over it."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def skip(self) -> None:
        """Step over one character."""
        self._at += 1

    def value(self) -> tuple[str, object]:
        """The JSON value that begins at the next character, with its text. Raises `ValueError`."""
        while True:
            self.next()
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                # A fault well before the end will not go away with more text.
                cut = error.msg.startswith("Unterminated string") or error.pos + LONGEST_TOKEN >= len(self._text)
                if self._ended or not cut:
                    raise
                self._more()
            else:
                piece, self._at = self._text[self._at : end], end
                return piece, value

    def rest(self) -> str:
        """What comes next, for a message."""
        return self._text[self._at : self._at + 200]

    def _more(self) -> None:
        # As much again as there is: an element of any length is scanned a few times, not once a chunk.
        chunk = self._stream.read(max(self._size, len(self._text) - self._at))
        self._ended = not chunk
        self._text, self._at = self._text[self._at :] + self._decode(chunk, not chunk), 0


class ArraySink:
    """Writes one array, an element a line (`as_json`)."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._before = stream, b"[\n"

    def write(self, record: Record) -> None:
        """Write one record."""
        self._stream.write(self._before + as_json(record))
        self._before = b",\n"

    def close(self) -> None:
        """End the array and the file."""
        with self._stream:
            self._stream.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")
