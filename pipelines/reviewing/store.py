"""What a review keeps in the run's directory: the plan, who was handed what, and what was said of gold pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import orjson
from pydantic import Field, ValidationError

from ...schemas.errors import RunDirectoryError
from ...schemas.frozen import Frozen
from ...schemas.rows import Winner
from ..rundir import RunDirectory, write_text

F = TypeVar("F", bound=Frozen)

Stratum = Literal["audit", "disagreement", "slices", "gold"]
"""Why a pair is reviewed. `gold` pairs are none of the run's: their right answer is known."""
STRATA: tuple[Stratum, ...] = ("audit", "disagreement", "slices", "gold")


class Planned(Frozen):
    """A pair that people are to review."""

    comparison_id: str
    task_id: str
    stratum: Stratum
    probability: float | None = Field(None, gt=0, le=1)
    """Probability that the design draws this pair; None for pairs that a rule picks."""
    annotators: int = Field(1, ge=1)
    """How many people are to say something."""
    right: Winner | None = None
    """The right answer of a gold pair, in its comparison's order."""


class Handed(Frozen):
    """A pair that was handed to an annotator."""

    record_id: str
    comparison_id: str
    annotator: str
    shown: tuple[int, int]
    """Indexes into the comparison's answers, in the order in which the annotator sees them."""


class GoldSaid(Frozen):
    """What an annotator said of a pair whose right answer is known."""

    comparison_id: str
    annotator: str
    right: Winner
    winner: Winner | None
    """None: cannot judge."""
    seconds: float | None = None
    comment: str = ""


@dataclass(frozen=True)
class ReviewStore:
    """The files of a run's review."""

    place: RunDirectory

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.place.path / "review"

    @property
    def plan(self) -> Path:
        """The pairs to review, as `Planned`."""
        return self.folder / "plan.jsonl"

    @property
    def pulled(self) -> Path:
        """The reviews of the last pull."""
        return self.folder / "pulled.jsonl"

    def planned(self) -> list[Planned]:
        """The plan; empty where there is none."""
        return _read(self.plan, Planned)

    def require_plan(self) -> list[Planned]:
        """The plan. Raises `RunDirectoryError` where there is none."""
        if not self.plan.exists():
            raise RunDirectoryError(f"{self.plan}: no plan yet. `prefmill review plan {self.place.path}` draws one.")
        return self.planned()

    def handed(self) -> list[Handed]:
        """Who was handed what."""
        return _read(self._handed, Handed)

    def write_handed(self, rows: Iterable[Handed]) -> None:
        """Replace it."""
        write_text(self._handed, lines(rows))

    def gold(self) -> list[GoldSaid]:
        """What was said of gold pairs."""
        return _read(self._gold, GoldSaid)

    def write_gold(self, rows: Iterable[GoldSaid]) -> None:
        """Replace it."""
        write_text(self._gold, lines(rows))

    @property
    def _handed(self) -> Path:
        return self.folder / "handed.jsonl"

    @property
    def _gold(self) -> Path:
        return self.folder / "gold.jsonl"


def lines(rows: Iterable[Frozen]) -> str:
    """Rows as JSON Lines."""
    return "".join(orjson.dumps(row.model_dump()).decode() + "\n" for row in rows)


def _read(path: Path, kind: type[F]) -> list[F]:
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(kind.model_validate_json(line))
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise RunDirectoryError(
                f"{path}:{number}: {what}. This file is prefmill's own: put it back as it was."
            ) from None
    return found
