"""The places of a file as the bytes that stand there, in the order in which `records.read` numbers them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ...generators.files import opened
from ...generators.records.csv_rows import cells_in, decoded
from ...generators.records.json_array import elements
from ...generators.records.json_lines import BOM

Pieces = Iterator[bytes]


def line_pieces(path: Path) -> Pieces:
    """The lines of `.jsonl` that are not blank, each with its end."""
    with opened(path) as stream:
        for number, line in enumerate(stream):
            piece = line.removeprefix(BOM) if number == 0 else line
            if piece.strip():
                yield piece if piece.endswith(b"\n") else piece + b"\n"


def csv_pieces(path: Path, delimiter: str) -> Pieces:
    """The header and the rows of `.csv`, each with its end; a cell in quotes may span lines."""
    with opened(path) as stream:
        text = decoded(stream)
        heard = _Heard(text)
        for _ in cells_in(heard, delimiter):
            piece = heard.since().lstrip("\r\n")
            end = "" if piece.endswith(("\n", "\r")) else "\r\n"
            yield (piece + end).encode("utf-8", "surrogateescape")


def array_pieces(path: Path) -> Pieces:
    """The elements of the array in a `.json` file."""
    for _, text, _value in elements(path):
        yield text.encode("utf-8", "surrogateescape")


class _Heard:
    """Lines that go by, and those since one was last asked."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._since: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._since.append(line)
            yield line

    def since(self) -> str:
        text = "".join(self._since)
        self._since = []
        return text
