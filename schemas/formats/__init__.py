"""Formats: one file each, rows out and in again.

`encode` turns one Example into records for the files of the format, `decode` turns the files' records back into
Examples. What a format cannot express is never lost in silence: a row is refused as a whole (`CannotCarry`, counted by
reason), or parts of it are left out, which `carries` says (counted by `contents.contents_of`) and `loses` explains.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..contents import Content
from ..plugins import Plugin
from ..rows import Example, Loss

if TYPE_CHECKING:
    import pyarrow as pa

Record = dict[str, Any]
"""One row of an exported file: the edge of the typed world."""


class Format(Plugin):
    """Base of all formats."""

    kind: ClassVar[str] = "format"
    takes: ClassVar[Literal["comparison", "grade", "both"]] = "comparison"
    """Which examples it is for: comparisons with their verdicts, single answers with their grades, or both."""
    files: ClassVar[tuple[str, ...]]
    """Names of every file the format writes, relative to its export folder. The ending says how records are written:
    `.jsonl` (one a line), `.json` (one array), `.csv`."""
    carries: ClassVar[frozenset[Content]]
    """What of an Example is in the files and comes back from `decode`."""
    loses: ClassVar[tuple[str, ...]]
    """What of an Example never survives this format, one phrase each."""

    @classmethod
    def is_for(cls, example: Example) -> bool:
        """Whether an example is of a kind that it takes."""
        return cls.takes != ("grade" if example.comparison is not None else "comparison")

    @abstractmethod
    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        """Pairs of file name and record for one example, in the order in which they are to be written.

        Raises `CannotCarry` with a fixed reason where the format cannot express this example.
        """

    @abstractmethod
    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Examples from the records of the format's files, and a `Loss` for each record that is none (`_lines.rows`).

        Raises `ValueError` where the files as a whole do not fit together.
        """

    @abstractmethod
    def features(self) -> Mapping[str, pa.Schema]:
        """File -> its columns with their Arrow types, in the order of the records' keys; see `_features.py`."""

    def notes(self) -> tuple[str, ...]:
        """What a person who trains on these files must know; printed with the export and written on its card."""
        return ()
