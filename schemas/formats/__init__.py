"""Formats: one file each, rows out and in again.

`encode` turns one Example into records for the files of the format, `decode` turns the files' records back into
Examples. What a format cannot express is either refused (`CannotCarry`, counted per reason) or listed in `loses`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from ..plugins import Plugin
from ..rows import Example

Record = dict[str, Any]
"""One JSON line of an exported file: the edge of the typed world."""


class Format(Plugin):
    """Base of all formats."""

    kind: ClassVar[str] = "format"
    files: ClassVar[tuple[str, ...]]
    """Names of every file the format writes, relative to its export folder."""
    loses: ClassVar[tuple[str, ...]]
    """What of an Example never survives this format, one phrase each."""

    @abstractmethod
    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """Pairs of file name and record for one example, in the order in which they are to be written.

        Raises `CannotCarry` with a fixed reason where the format cannot express this example.
        """

    @abstractmethod
    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example]:
        """Examples from the records of the format's files. Raises `ValueError` naming file, line and what is wrong."""

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return ()
