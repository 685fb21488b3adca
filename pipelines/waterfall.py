"""The waterfall: at every stage `in = kept + dropped + failed`, counted apart and compared, never derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from ..schemas.rows import Loss

STAGES = ("tasks", "answers", "comparisons", "judgments", "grades", "verdicts")
"""Stages of a run in their order; exports follow, one stage a format."""


RUBRICS = "rubrics"
"""The stage before tasks, where models write them."""
PROBES = "probes"
"""The stage after judgments, where a recipe has probes: judgments of probe pairs."""


class Unaccounted(AssertionError):
    """Rows went in that neither came out nor were lost with a reason: a bug of ours, and the run says so."""


@dataclass
class StageCount:
    """What became of the rows that entered one stage."""

    entered: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason -> rows."""
    failed: Counter[str] = field(default_factory=Counter)
    """Reason -> rows."""

    def lose(self, loss: Loss) -> None:
        """Count a lost row by its reason."""
        reasons = self.dropped if loss.status == "dropped" else self.failed
        reasons[loss.reason] += 1

    def check(self, stage: str) -> None:
        """Raise `Unaccounted` where the sum does not hold."""
        if self.entered != self.kept + self.dropped.total() + self.failed.total():
            raise Unaccounted(
                f"{stage}: {self.entered} in, but {self.kept} kept + {self.dropped.total()} dropped"
                f" + {self.failed.total()} failed. Please report this with the run's manifest.json."
            )

    def as_plain(self) -> dict[str, Any]:
        """The count as JSON values, reasons sorted."""
        return {
            "in": self.entered,
            "kept": self.kept,
            "dropped": dict(sorted(self.dropped.items())),
            "failed": dict(sorted(self.failed.items())),
        }

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> Self:
        """The count from `as_plain`'s values."""
        return cls(plain["in"], plain["kept"], Counter(plain["dropped"]), Counter(plain["failed"]))


@dataclass
class Waterfall:
    """The counts of all stages of a run."""

    stages: dict[str, StageCount] = field(default_factory=lambda: {stage: StageCount() for stage in STAGES})

    @classmethod
    def of(cls, *stages: str) -> Self:
        """The waterfall of these stages, nothing counted yet."""
        return cls({stage: StageCount() for stage in stages})

    @classmethod
    def of_run(cls, *, authored: bool = False, probed: bool = False) -> Self:
        """The waterfall of a run whose tasks are written by models, or that has probes."""
        first, after = STAGES[: STAGES.index("grades")], STAGES[STAGES.index("grades") :]
        return cls.of(*([RUBRICS] if authored else []), *first, *([PROBES] if probed else []), *after)

    def __getitem__(self, stage: str) -> StageCount:
        if stage not in self.stages:
            self.stages[stage] = StageCount()
        return self.stages[stage]

    def __iter__(self) -> Iterator[tuple[str, StageCount]]:
        return iter(self.stages.items())

    def check(self) -> None:
        """Raise `Unaccounted` where any stage's sum does not hold."""
        for stage, count in self:
            count.check(stage)

    def as_plain(self) -> dict[str, Any]:
        """Stage -> count, as JSON values."""
        return {stage: count.as_plain() for stage, count in self}

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> Self:
        """The waterfall from `as_plain`'s values."""
        return cls({stage: StageCount.of_plain(count) for stage, count in plain.items()})
