"""JSON Lines: one JSON object a line, UTF-8, plain or gzip (jsonlines.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from ...schemas.errors import SourceError
from ._columns import check_columns
from ._file import FileSource
from ._values import quoted

HEAD = 100
"""Lines that are looked at to see which keys the objects have; an optional key may be missing from some of them."""


class Jsonl(FileSource):
    """Tasks from a file with one JSON object a line; `.jsonl.gz` too. Blank lines are no rows.

    `NaN`, which Python writes into such files, is read as absent.
    """

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        lines = self._lines()
        head = list(islice(lines, HEAD))
        objects = [record for _, record in head if isinstance(record, dict)]
        if objects:
            check_columns(self, dict.fromkeys(key for record in objects for key in record))
        yield from chain(head, lines)

    def _rows(self) -> Iterator[object]:
        with self.opened() as stream:
            yield from (line for line in stream if not line.isspace())

    def _lines(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        first = True
        with self.opened() as stream:
            for number, line in enumerate(stream, start=1):
                text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
                if not text:
                    continue
                if first and (text.startswith(b"[") or text == b"{"):
                    raise SourceError(
                        f"{self.path}: starts with {text[:1].decode()!r}, so it is one JSON document; JSON Lines has "
                        "one object a line. `jq -c '.[]'` turns an array into lines."
                    )
                first = False
                yield number, _record(text)


def _record(line: bytes) -> dict[str, Any] | str:
    """The object on a line, or what is wrong with it."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte {error.start + 1}): {quoted(line)}"
    try:
        # Not orjson: it refuses NaN and rounds ids beyond 64 bits.
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return f"not JSON ({error.msg}, column {error.colno}): {quoted(text)}"
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error}): {quoted(text)}"
    return value if isinstance(value, dict) else f"not a JSON object: {quoted(text)}"
