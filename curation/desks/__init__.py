"""Desks: where people review pairs. What they are to see goes there; what they say of it comes back.

A desk knows nothing of runs, plans and samples. It gets records that are ready to be shown, each for one annotator and
with the answers already in the order in which that annotator is to see them, and gives back what was said of a record
by its id. A record names no model and no stratum: nothing on it tells who wrote an answer, or why it was drawn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ...schemas.frozen import Frozen
from ...schemas.plugins import Plugin
from ...schemas.rows import Message
from ...schemas.rubric import Rubric

Choice = Literal["A", "B", "tie"]
"""Which answer is better, as shown: A stands first."""


class Record(Frozen):
    """One pair as one annotator is to see it."""

    record_id: str
    """Follows from the pair, the annotator and the order: what is said of it cannot be taken for another order."""
    annotator: str
    messages: tuple[Message, ...]
    """The chat up to and including the user's last message."""
    a: str
    """The answer that is shown first."""
    b: str
    rubric: Rubric | None = None
    reference: str | None = None
    teacher: Choice | None = None
    """What the teachers said; None where annotators are not to know, and where there is nothing to know."""


class Batch(Frozen):
    """Everything that is handed out at one time."""

    run: str
    """Name of the run."""
    guidelines: str
    """How to decide, for the annotators."""
    records: tuple[Record, ...]
    """In the order in which each annotator is to go through theirs."""

    def by_annotator(self) -> dict[str, list[Record]]:
        """Annotator -> their records."""
        found: dict[str, list[Record]] = {}
        for record in self.records:
            found.setdefault(record.annotator, []).append(record)
        return dict(sorted(found.items()))


class Said(Frozen):
    """What an annotator decided about a record."""

    record_id: str
    annotator: str
    choice: Choice | None
    """None: this person cannot judge it."""
    comment: str = ""
    seconds: float | None = Field(None, ge=0)
    """Time for which the record was looked at."""
    at: float | None = None
    """When it was last decided, in seconds since 1970: of two decisions about a record the later one stands."""


class Desk(Plugin):
    """Base of all desks."""

    kind: ClassVar[str] = "desk"

    @abstractmethod
    def offer(self, batch: Batch, folder: Path) -> tuple[str, ...]:
        """Put the records before their annotators, those that are there already included; where each finds them.

        A desk that works with files writes them into `folder`. Raises `UserError` where it cannot.
        """

    @abstractmethod
    def collect(self, run: str, files: Sequence[Path]) -> Iterator[tuple[str, Said]]:
        """What was decided so far about records of a run, each with the place where it stands, for messages.

        `files` are those that a person names, for a desk that works with files. Raises `UserError`.
        """
