"""What a running run can be seen to do: done, failed, calls a second, cost and time left, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..generators.budget import Budget
from ..generators.calls import Caller
from .collect import Collector


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage and model at one moment."""

    stage: str
    model: str
    done: int
    """Calls with a result, found ones included."""
    found: int
    """Of these, found in the ledger (or recorded): nothing was sent."""
    failed: int
    open: int
    """Calls in flight."""
    per_second: float
    """Calls sent and ended a second, since the start."""
    cost_usd: float | None
    """Spent in this process; None where no price is known."""
    broken: str | None
    """Why nothing further is sent to this model, where its endpoint has failed for good."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole run at one moment."""

    stages: tuple[StageProgress, ...]
    tasks_done: int
    tasks_total: int | None
    """None while the source is still being counted."""
    seconds: float
    eta_s: float | None
    """Seconds left at the pace so far; None while nothing can be said."""
    cost_usd: float
    """Spent in this process, by the models whose price is known."""
    run_usd: float
    """Spent in the run as a whole, earlier processes included."""
    max_usd: float | None
    """Where the run stops; None: nowhere."""


@dataclass
class Progress:
    """Looks at the callers and the collector of a run; costs them nothing."""

    callers: Sequence[Caller]
    collector: Collector
    budget: Budget
    tasks_total: int | None = None
    started: float = field(default_factory=time.monotonic)

    def snapshot(self) -> Snapshot:
        """The run as it stands."""
        seconds = time.monotonic() - self.started
        stages = tuple(_stage(caller, seconds) for caller in self.callers)
        done, total = self.collector.done, self.tasks_total
        eta = seconds / done * (total - done) if done and total is not None and seconds > 1 else None
        cost, budget = sum(stage.cost_usd or 0.0 for stage in stages), self.budget
        return Snapshot(stages, done, total, seconds, eta, cost, budget.spent_usd, budget.caps.usd)


def _stage(caller: Caller, seconds: float) -> StageProgress:
    tally = caller.tally
    return StageProgress(
        stage=caller.stage,
        model=caller.provider.label,
        done=tally.found + tally.sent,
        found=tally.found,
        failed=tally.failed,
        open=tally.open,
        per_second=tally.sent / seconds if seconds > 0 else 0.0,
        cost_usd=tally.cost_usd if caller.provider.priced() else None,
        broken=str(caller.broken) if caller.broken else None,
    )
