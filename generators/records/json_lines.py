"""JSON Lines (jsonlines.org): one object a line, UTF-8, plain or gzip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import orjson

from ...schemas.errors import SourceError
from ...schemas.formats import Record
from ..files import opened
from . import Place

BOM = b"\xef\xbb\xbf"
SHOWN = 80
"""Characters of a broken line that are quoted."""
_BREAKS = {char.encode(): f"\\u{ord(char):04x}".encode() for char in "\u0085\u2028\u2029"}
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_BEYOND_64_BITS = b"0" * 19
"""What every whole number has in it, digits made alike, that orjson would round."""


def read_lines(path: Path) -> Iterator[Place]:
    """Every line with something on it. Raises `SourceError` for one JSON document over several lines."""
    begun = False
    with opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            text = (line.removeprefix(BOM) if number == 1 else line).strip()
            if not text:
                continue
            if not begun:
                refuse_document(path, text)
            begun = True
            yield number, record_on(text)


def refuse_document(path: Path, first: bytes) -> None:
    """Raise `SourceError` where the first line begins a document that spans lines."""
    if first.startswith(b"[") or first == b"{":
        raise SourceError(
            f"{path}: starts with {first[:1].decode()!r}, so it is one JSON document; `.jsonl` has one object a line. "
            "Call an array of objects `.json`."
        )


def record_on(line: bytes) -> Record | str:
    """The object on a line, or what is wrong with it."""
    if _BEYOND_64_BITS not in line.translate(_DIGITS_ALIKE):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(line)
            return value if isinstance(value, dict) else object_in(value)
    try:
        # Takes NaN, which Python writes into such files, and says better what is wrong.
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte {error.start + 1}): {quoted(line)}"
    except json.JSONDecodeError as error:
        return f"not JSON ({error.msg}, column {error.colno}): {quoted(error.doc)}"
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error}): {quoted(line)}"
    return object_in(value)


def object_in(value: object) -> Record | str:
    """A JSON value that is an object and can be written again, or why it is none."""
    if not isinstance(value, dict):
        return f"not a JSON object: {quoted(value)}"
    try:
        orjson.dumps(value)
    except TypeError as error:
        return f"{error}: {quoted(value)}"  # half of a surrogate pair, or a whole number beyond 64 bits
    return value


def quoted(value: object) -> str:
    """A value on one line, cut to `SHOWN` characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def as_json(record: Record) -> bytes:
    """The record on one line, for every reader.

    Some readers break lines as Python's `str.splitlines` does; what it takes for a line's end inside a text is escaped.
    NaN, which JSON does not have, becomes null.
    """
    text = orjson.dumps(record)
    if not text.isascii():
        for char, escaped in _BREAKS.items():
            text = text.replace(char, escaped)
    return text


class LinesSink:
    """Writes one object a line (`as_json`)."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, record: Record) -> None:
        """Write one record."""
        self._stream.write(as_json(record) + b"\n")

    def close(self) -> None:
        """End the file."""
        self._stream.close()
