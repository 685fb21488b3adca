"""From what some tasks used to what all of them will: sums with a range, by a bootstrap over tasks.

Each replicate draws the sample anew from itself, with replacement, and then every task that was not in the sample from
that draw; what the sample used is known and added as it is (B. Efron, R. Tibshirani: An Introduction to the Bootstrap,
1993, chapters 6 and 25). The range reaches from the 5th to the 95th percentile. A sample of a few tasks knows little of
its own spread, so the distance of both from the middle is stretched as Student's t stretches the normal distribution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, TypeVar

from ..schemas.row import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

K = TypeVar("K")

REPLICATES = 2000
PERCENTILES = (5, 95)
FEWEST = 2
"""Tasks a range needs at least: one task says nothing of how much tasks differ."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is not known exactly."""

    expected: float
    low: float | None
    """5th percentile; None where nothing can be said."""
    high: float | None
    """95th percentile."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum over all tasks: what is expected, and what it came to in each replicate."""

    expected: float
    replicates: NDArray[np.float64] | None
    """Of all amounts of one estimate in the same order, so that they can be added; None where there are none."""

    def __add__(self, other: Amount) -> Amount:
        both = self.replicates is not None and other.replicates is not None
        # Both are there or neither is: amounts of one estimate.
        drawn = self.replicates + other.replicates if both else None  # type: ignore[operator]
        return Amount(self.expected + other.expected, drawn)

    def times(self, factor: float) -> Amount:
        """The amount in another unit."""
        return Amount(self.expected * factor, None if self.replicates is None else self.replicates * factor)

    def figure(self) -> Figure:
        """The amount with its range."""
        if self.replicates is None:
            return Figure(self.expected, None, None)
        import numpy as np  # Here, since it takes a tenth of a second, and most commands reckon nothing.

        low, high = np.percentile(self.replicates, PERCENTILES)
        # The expected value is a mean; a skewed sample's percentiles may both lie above or below it.
        return Figure(self.expected, float(min(low, self.expected)), float(max(high, self.expected)))


@dataclass(frozen=True, slots=True)
class Use:
    """What all tasks use of one model in one stage."""

    calls: Amount
    prompt_tokens: Amount
    completion_tokens: Amount

    def times(self, factor: float) -> Use:
        """The use of so many times as many calls."""
        return Use(self.calls.times(factor), self.prompt_tokens.times(factor), self.completion_tokens.times(factor))


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum of at least one amount."""
    return reduce(add, amounts)


def extrapolate(used: Mapping[K, Sequence[Usage]], tasks: int, seed: int) -> dict[K, Use]:
    """What `tasks` tasks use, from what each of some of them used: under each key one entry a task, in one order."""
    import numpy as np

    sampled = len(next(iter(used.values()), ()))
    weights = _weights(sampled, tasks - sampled, np.random.default_rng(seed)) if sampled >= FEWEST else None
    scale = tasks / sampled if sampled else 0.0

    def amount(values: list[int]) -> Amount:
        each = np.array(values, dtype=np.float64)
        expected = float(each.sum() * scale)
        if weights is None:
            return Amount(expected, None)
        drawn = each.sum() + weights @ each
        return Amount(expected, expected + (drawn - expected) * _stretch(sampled))

    return {
        key: Use(
            amount([usage.calls for usage in usages]),
            amount([usage.prompt_tokens for usage in usages]),
            amount([usage.completion_tokens for usage in usages]),
        )
        for key, usages in used.items()
    }


def _weights(sampled: int, others: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """How often each task of the sample stands for one of the others: one row a replicate."""
    import numpy as np

    again = chance.multinomial(sampled, np.full(sampled, 1 / sampled), size=REPLICATES) / sampled
    return chance.multinomial(max(others, 0), again).astype(np.float64)


def _stretch(sampled: int) -> float:
    """Student's t over the normal distribution at the 95th percentile, and the bias of the sample's own spread.

    t by the first terms of its expansion in 1/(n - 1) (Abramowitz and Stegun, 26.7.5), within 3 % from 3 tasks on.
    """
    free, z = sampled - 1, 1.6448536
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return float(t / z * (sampled / free) ** 0.5)
