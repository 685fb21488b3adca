"""What a run may spend, and stopping it there.

Caps on dollars and calls hold for the run as a whole: what earlier invocations put into its ledger counts. The cap on
hours holds for one invocation. A cap is looked at before each call is sent, inside its slot: what is then in flight may
finish, since it is paid for, so dollars are overshot by the calls in flight at most, and calls not at all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..schemas.errors import CapReached, UserError
from .halt import Halt
from .ledger import Ledger
from .providers import Provider


@dataclass(frozen=True, slots=True)
class Caps:
    """Where a run stops; None: never."""

    usd: float | None = None
    calls: int | None = None
    """Calls with a row in the ledger: answered ones and given-up ones; repeated attempts are not counted."""
    hours: float | None = None


@dataclass
class Budget:
    """What a run has spent so far, held against its caps. Shared by all of its callers."""

    caps: Caps = Caps()
    spent_usd: float = 0.0
    """Of all calls in the ledger, at the prices in force when they were made."""
    calls: int = 0
    """Calls in the ledger."""
    grace_s: float = 1.0
    """Seconds that calls in flight have to finish once a cap is reached."""
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._begun = self.calls

    def check(self, halt: Halt, attempt: int = 1) -> None:
        """Called right before attempt number `attempt` of a call is sent; the first one counts as a call.

        Raises `CapReached`, and requests the halt, where a cap is reached.
        """
        reached = self._reached(attempt)
        if reached is not None:
            halt.request(reached, self.grace_s)
            raise reached
        self._begun += attempt == 1

    def pay(self, usd: float | None) -> None:
        """Add a call that was written to the ledger, and its cost where that is known."""
        self.calls += 1
        self.spent_usd += usd or 0.0

    def told(self, reached: CapReached) -> CapReached:
        """The cap that stopped the run, with what was spent when the last call in flight had come back."""
        twice = float(f"{2 * max(self.caps.usd or 0.5, self.spent_usd):.2g}")
        spent, higher = {
            "--max-usd": (f"${self.spent_usd:.4f} spent in this run", twice),
            "--max-calls": (f"{self.calls:,} calls made in this run", 2 * max(self.caps.calls or 50, self.calls)),
            "--max-hours": (f"{self._hours():.2g} hours this time", None),
        }[reached.option]
        return CapReached(f"{reached}: {spent}", reached.option, higher)

    def _reached(self, attempt: int) -> CapReached | None:
        caps = self.caps
        if caps.usd is not None and self.spent_usd >= caps.usd:
            return _cap("--max-usd", caps.usd)
        if caps.calls is not None and attempt == 1 and self._begun >= caps.calls:
            return _cap("--max-calls", caps.calls)
        if caps.hours is not None and self._hours() >= caps.hours:
            return _cap("--max-hours", caps.hours)
        return None

    def _hours(self) -> float:
        return (time.monotonic() - self.started) / 3600


def budget_of(caps: Caps, ledger: Ledger, providers: Sequence[Provider]) -> Budget:
    """The budget of a run, with what its ledger holds already spent: calls without a price at the one known now."""
    totals, prices = ledger.totals(), {provider.label: provider.priced() for provider in providers}
    spent = sum(row.cost_usd or 0.0 for row in totals)
    spent += sum(price.of(*tokens) for model, *tokens in ledger.unpriced() if (price := prices.get(model)) is not None)
    grace = max((provider.timeout for provider in providers), default=1.0)
    return Budget(caps, spent, sum(row.calls for row in totals), grace)


def check_prices(caps: Caps, providers: Sequence[Provider]) -> None:
    """Raises `UserError` where dollars are capped and a model has no price: what it costs could not be counted."""
    if caps.usd is None:
        return
    unknown = sorted({p.label for p in providers if not p.local and p.priced() is None})
    if unknown:
        raise UserError(
            f"--max-usd: no price is known of {', '.join(unknown)}. Give each in the recipe, in USD for a million"
            " tokens, as `price: {input: 0.15, output: 0.6}` (0 for a server of your own), or use --max-calls."
        )


def _cap(option: str, value: float) -> CapReached:
    return CapReached(f"{option} {value:.12g} is reached", option)
