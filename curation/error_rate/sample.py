"""Rows drawn to be checked, with the probability that each had of being drawn."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from ...schemas.errors import UserError


class NotASample(UserError):
    """The rows were picked and not drawn: what is true of them says nothing about the others."""


class Checkable(Protocol):
    """What can be drawn: a verdict, a judgment, a grade."""

    @property
    def id(self) -> str: ...
    @property
    def task_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """One row of a sample."""

    row_id: str
    task_id: str
    probability: float | None
    """Probability, above 0 and at most 1, that the design puts this row into the sample; None where none is known."""
    stratum: str = ""


Design = Literal["uniform", "stratified", "mixed", "picked"]


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows to check, and how they came to be these."""

    rows: tuple[Drawn, ...]
    design: Design
    sizes: Mapping[str, int]
    """Rows from which it was drawn, by stratum; the one stratum of a sample without strata is called ``."""
    how: str
    """How they were drawn or picked, in a few words."""

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.probability is not None and not 0 < row.probability <= 1:
                raise ValueError(f"{row.row_id}: probability must be above 0 and at most 1 (got {row.probability})")
        if len({row.row_id for row in self.rows}) != len(self.rows):
            raise ValueError("a row is in the sample twice")

    @property
    def population(self) -> int:
        """Rows from which it was drawn."""
        return sum(self.sizes.values())

    def require_design(self) -> None:
        """Raises `NotASample` where a row has no probability of being drawn."""
        if self.design == "picked" or any(row.probability is None for row in self.rows):
            raise NotASample(
                f"cannot read an error rate off {len(self.rows)} rows picked by {self.how}: they are no random sample"
                " of the rest. Draw a random audit beside them, or record each row's probability of being drawn"
            )


def uniform(rows: Sequence[Checkable], size: int, seed: int) -> Sample:
    """`size` of `rows` at random, or all where there are fewer; the same ones for the same rows and seed."""
    chosen = _draw(rows, size, seed, "")
    drawn = tuple(Drawn(row.id, row.task_id, len(chosen) / len(rows)) for row in chosen)
    return Sample(drawn, "uniform", {"": len(rows)}, f"{len(chosen)} of {len(rows)} at random")


def stratified(strata: Mapping[str, Sequence[Checkable]], sizes: Mapping[str, int], seed: int) -> Sample:
    """`sizes[name]` rows at random of each stratum. Raises `ValueError` where a stratum with rows gets none."""
    drawn: list[Drawn] = []
    for name, rows in strata.items():
        if rows and sizes.get(name, 0) < 1:
            raise ValueError(f"stratum {name!r} has {len(rows)} rows and none of them would be drawn")
        chosen = _draw(rows, sizes.get(name, 0), seed, name)
        drawn += (Drawn(row.id, row.task_id, len(chosen) / len(rows), name) for row in chosen)
    populations = {name: len(rows) for name, rows in strata.items() if rows}
    return Sample(
        tuple(drawn), "stratified", populations, f"{len(drawn)} rows at random within {len(populations)} strata"
    )


def picked(rows: Sequence[Checkable], how: str) -> Sample:
    """Rows that somebody or a rule chose, such as the closest calls: to be corrected, and not to be measured by."""
    return Sample(tuple(Drawn(row.id, row.task_id, None) for row in rows), "picked", {}, how)


def together(audit: Sample, queue: Sample) -> Sample:
    """A random audit and a picked queue of the same rows, which then can be measured by.

    A queue that a rule picks from what was known before anybody checked is in with probability 1. Raises `NotASample`
    where the audit is none.
    """
    audit.require_design()
    rows = {row.row_id: row for row in audit.rows}
    rows |= {row.row_id: replace(row, probability=1.0, stratum="") for row in queue.rows}
    how = f"{audit.how}, and {len(queue.rows)} by {queue.how}"
    return Sample(tuple(rows.values()), "mixed", {"": audit.population}, how)


def independently(rows: Sequence[Checkable], probabilities: Sequence[float], seed: int, how: str) -> Sample:
    """Each row with a probability of its own, 0..1, whatever becomes of the others (Poisson sampling).

    A row of probability 0 is never drawn, and nothing is learnt about its like: the rate is of the other rows.
    """
    draw = random.Random(f"{seed}")
    chances = [(row, chance, draw.random()) for row, chance in zip(rows, probabilities, strict=True)]
    drawn = tuple(Drawn(row.id, row.task_id, chance) for row, chance, drawn_at in chances if drawn_at < chance)
    return Sample(drawn, "mixed", {"": sum(chance > 0 for chance in probabilities)}, how)


def _draw(rows: Sequence[Checkable], size: int, seed: int, stratum: str) -> list[Checkable]:
    return random.Random(f"{seed}:{stratum}").sample(list(rows), min(size, len(rows)))
