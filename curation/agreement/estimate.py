"""A measured number with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ...schemas.errors import UserError

LEVEL = 0.95
"""Share of such intervals that hold the truth."""


class Undefined(UserError):
    """The data do not determine a number or its interval: no rows, one task only, or everybody says the same."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, the interval around it and what both rest on."""

    value: float
    low: float
    high: float
    n: int
    """Rows that it rests on: pairs, units or judgments, as the function says."""
    tasks: int
    """Tasks that these rows come from, which is what decides the width of the interval."""
    method: str
    """What was computed and how the interval was made, in one line."""

    @property
    def width(self) -> float:
        """`high - low`."""
        return self.high - self.low

    def as_plain(self) -> dict[str, Any]:
        """The estimate as JSON values."""
        return asdict(self)


def plain_or_why(compute: Callable[[], Estimate]) -> dict[str, Any]:
    """What `compute` gives, as JSON values; `{"undefined": reason}` where the data do not determine it."""
    try:
        return compute().as_plain()
    except Undefined as why:
        return {"undefined": str(why)}
