"""Desks: where people review pairs. What they are to see goes there; what they say of it comes back.

A desk knows nothing of runs, plans and samples. It gets records that are ready to be shown, each for one annotator and
with the answers already in the order in which that annotator is to see them, and gives back what was said of a record
by its id. A record names no model and no stratum: nothing on it tells who wrote an answer, or why it was drawn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    certainty: float | None = Field(None, ge=0, le=1)
    """How sure they were, where `teacher` is shown and it is known."""
    metadata: dict[str, str | int] = Field(default_factory=dict)
    """What records can be filtered by: name -> term or number. Nothing that tells models or strata."""
    vector: tuple[float, ...] | None = None
    """Of the question, of length 1: records with a high cosine are alike. As long in all records of a batch."""


class Asked(Frozen):
    """What annotators are asked of each record besides which answer is better and a comment."""

    scale: tuple[int, int] | None = None
    """Each answer is rated by a whole number from the first to the second; None: no ratings."""
    criteria: tuple[str, ...] = ()
    """By each of these the better answer is named, too."""


class Batch(Frozen):
    """Everything that is handed out at one time."""

    run: str
    """Name of the run."""
    guidelines: str
    """How to decide, for the annotators."""
    asked: Asked = Asked()
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
    ratings: tuple[int | None, int | None] | None = None
    """Of the answer shown first, then of the other; None where not asked, or not given."""
    criteria: dict[str, Choice | None] = Field(default_factory=dict)
    """Criterion -> which answer is better by it, where somebody said so; None: cannot judge."""
    comment: str = ""
    seconds: float | None = Field(None, ge=0)
    """Time for which the record was looked at."""
    at: float | None = None
    """When it was last decided, in seconds since 1970: of two decisions about a record the later one stands."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of a batch."""

    where: tuple[str, ...]
    """Where annotators find their records."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Record id -> why the desk cannot show it; the others are there."""


class Desk(Plugin):
    """Base of all desks."""

    kind: ClassVar[str] = "desk"

    @abstractmethod
    def offer(self, batch: Batch, folder: Path, tell: Callable[[int], None]) -> Offered:
        """Put the records before their annotators, those that are there already included.

        A desk that works with files writes them into `folder`. `tell` hears how many records more are done. Raises
        `UserError` where the desk can take none, or stops taking them; offering the same batch again goes on.
        """

    @abstractmethod
    def collect(self, run: str, files: Sequence[Path]) -> Iterator[tuple[str, Said]]:
        """What was decided so far about records of a run, each with the place where it stands, for messages.

        `files` are those that a person names, for a desk that works with files. Raises `UserError`.
        """

    def gone(self, run: str, annotators: Sequence[str]) -> Mapping[str, str]:
        """Annotators whose records the desk does not have (any more) -> what is missing; `collect` gives the others'.

        Raises `UserError`.
        """
        return {}
