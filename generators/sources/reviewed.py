"""Tasks that come with two answers and people's judgments of them: a published set of human preferences.

Any format that holds comparisons and reads people's labels will do (`arena`, `mt_bench_human`, `arena_kaggle`,
`helpsteer2`, `helpsteer3`, `pandalm`): its labels become Reviews. Nothing is asked of answering models; teachers judge
the same pairs, so that they can be measured against people. With `labels: any`, a verdict that the file carries is a
label too, and any format that holds comparisons will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from ...schemas.errors import SourceError, known
from ...schemas.formats import Format
from ...schemas.labels import Label, label_of
from ...schemas.plugins import load, names
from ...schemas.rows import Example, Loss, Review, Task
from ..records.format_files import found_files
from ..records.intake import Intake
from ._file import FileSource


class Reviewed(FileSource):
    """Comparisons with labels, people's or any, from a file or folder in one of the formats."""

    answered: ClassVar[bool] = True

    format: str
    """Name of the format the file is in; its options do not matter for reading."""
    labels: Literal["people", "any"] = "people"
    """`people`: every comparison that people have judged, whatever they say; `any`: every pair with a label, which is
    the people's majority, or the file's verdict where nobody has judged it."""

    @field_validator("format")
    @classmethod
    def _compares(cls, name: str) -> str:
        if name not in names("format"):
            raise ValueError(f"no format named {name!r}. {known(name, names('format'))}")
        if load(Format, name).takes == "grade":
            raise ValueError(f"{name!r} holds graded answers, not comparisons")
        return name

    def check(self) -> None:
        if not self.path.exists():
            raise SourceError(f"{self.path}: no such file or folder.")

    def seeds(self) -> Iterator[Task | Example | Loss]:
        """Comparisons in the file's order; what cannot be read, or has no label, as a loss in its place.

        Where a comparison comes again, its labels go to the first and the later one is dropped as a duplicate. Raises
        `SourceError`, while iterating, where the file as a whole cannot be read or holds nothing.
        """
        later = self._later_reviews()
        seen: set[str] = set()
        empty = True
        for number, row in enumerate(self._rows(), start=1):
            empty = False
            if isinstance(row, Loss):
                yield row.model_copy(update={"stage": "tasks", "by": self.plugin_name()})
            elif row.comparison is None:
                yield self._lost(number, "no_comparison", "a single answer")
            elif row.comparison.id in seen:
                yield self._lost(number, "duplicate", "its labels are with the comparison's first row")
            else:
                seen.add(row.comparison.id)
                more = later.get(row.comparison.id, ())
                whole = row.model_copy(update={"verdict": None, "reviews": (*row.reviews, *more)}) if more else row
                why = self._unlabelled(whole)
                yield whole if why is None else self._lost(number, *why)
        if empty:
            raise SourceError(f"{self.where()}: holds no rows")

    def tasks(self) -> Iterator[Task | Loss]:
        return (row.task if isinstance(row, Example) else row for row in self.seeds())

    def records(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        raise NotImplementedError("its rows are comparisons, see `seeds`")

    def _rows(self) -> Iterator[Example | Loss]:
        format = load(Format, self.format)()
        intake = Intake(format, found_files(format, self.path))
        try:
            for row in islice(format.decode(intake.records()), self.limit):
                yield intake.placed(row) if isinstance(row, Loss) else row
        except ValueError as problem:
            raise SourceError(intake.told(str(problem))) from problem

    def _later_reviews(self) -> dict[str, tuple[Review, ...]]:
        """Comparison -> labels of its rows after the first. The file is read once for it: few come again."""
        seen: set[str] = set()
        later: dict[str, tuple[Review, ...]] = {}
        for row in self._rows():
            if isinstance(row, Loss) or row.comparison is None:
                continue
            if row.comparison.id in seen:
                later[row.comparison.id] = (*later.get(row.comparison.id, ()), *row.reviews)
            seen.add(row.comparison.id)
        return later

    def _unlabelled(self, row: Example) -> tuple[str, str] | None:
        """Why a row is not one of those that are wanted; None where it is."""
        if self.labels == "people":
            return None if row.reviews else ("no_label", "no label by a person")
        label = label_of(row)
        return None if isinstance(label, Label) else (label, "no label to hold a verdict against")

    def _lost(self, number: int, reason: str, detail: str) -> Loss:
        return Loss(
            stage="tasks",
            status="dropped",
            row_id=f"{self.label}:{number}",
            by=self.plugin_name(),
            reason=reason,
            detail=detail,
        )
