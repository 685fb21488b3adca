"""What the stages make of one task and hand to the next; the work itself is in the file of each stage.

Losses carry the reason; a stage raises nothing but what stops the whole run (`EndpointError`, `Stopped`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ..schemas.probe import Probe
from ..schemas.rows import Answer, Comparison, Example, Grade, Judgment, Loss, Review, Task, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seed:
    """One line of the source: a task, or a loss where it is none."""

    place: int
    """0-based position in the source: the canonical order of everything that follows."""
    task: Task | None
    losses: tuple[Loss, ...] = ()
    given: Example | None = None
    """Answers and people's judgments that come with the task."""

    @property
    def reviews(self) -> tuple[Review, ...]:
        """What people said of the given comparison."""
        return self.given.reviews if self.given else ()


@dataclass(frozen=True, slots=True)
class Answered:
    """All answers to a task, in recipe order, failed ones included."""

    answers: tuple[Answer, ...] = ()
    usable: frozenset[str] = frozenset()
    """Ids of the answers that may be compared: neither failed nor dropped."""
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Paired:
    """The comparisons drawn for a task."""

    wanted: int = 0
    comparisons: tuple[Comparison, ...] = ()
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Every judgment of a task's comparisons, or grade of its answers, in the order asked, and the verdicts."""

    judgments: tuple[Judgment, ...] = ()
    grades: tuple[Grade, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    """One a comparison, in the same order; failed ones included."""
    losses: tuple[Loss, ...] = ()
    probes: tuple[Probe, ...] = ()
    """The task's probe pairs with every judgment of them."""


@dataclass(frozen=True, slots=True)
class Curated:
    """Which verdicts and grades are kept."""

    kept: tuple[str, ...] = ()
    """Ids of the verdicts that are neither failed nor dropped."""
    graded: tuple[str, ...] = ()
    """Ids of the grades that are neither failed nor dropped."""
    losses: tuple[Loss, ...] = ()


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """The results of coroutines that run at the same time. A lone one needs no task of its own, and most are alone."""
    if len(work) == 1:
        return [await work[0]]
    # All of it ends before the row does: calls whose row has gone would hold no row back, and pile up.
    ended = await asyncio.gather(*work, return_exceptions=True)
    return [_raised(result) for result in ended]


def _raised(result: T | BaseException) -> T:
    if isinstance(result, BaseException):
        raise result
    return result


def loss_of(
    stage: str,
    status: Literal["dropped", "failed"],
    row: Answer | Judgment | Grade | Verdict,
    why: tuple[str, str, str],
) -> Loss:
    """A row that does not go on; `why` is who says so, the reason, and one line of detail."""
    by, reason, detail = why
    return Loss(stage=stage, status=status, row_id=row.id, task_id=row.task_id, by=by, reason=reason, detail=detail)
