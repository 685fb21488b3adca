"""Who lives in the simulated world: answering models and teachers, with everything that is planted in them.

Quality is in units of the standard deviation between two answers of one model to one task. Teachers' constants were
fitted so that their measured rates (`Planted`) match published judges: a strong one like GPT-4 in 2023 and cheap ones
like open 7B to 14B models (position consistency of judges: arXiv 2306.05685, table 2; arXiv 2305.17926). What markdown
and a signature are worth is an assumption: style is a strong bias of published judges (arXiv 2604.23178).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..providers import Price

SHARED_ERROR = 0.98
"""Standard deviation of the error on a pair that every biased teacher makes alike, in quality units."""
ERROR_WITH_REFERENCE = 0.62
"""What a teacher's persistent errors are multiplied by where a reference answer is shown. An assumption: published
ablations agree on the direction, not on the size (MT-Bench's failures at grading maths fall from 14 of 20 to 3 of 20,
arXiv 2306.05685, table 4; Prometheus without the reference, arXiv 2310.08491)."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """An answering model."""

    name: str
    family: str
    number: int
    """What fingerprints carry; 0..31, never reused, so that old texts stay readable when the population grows."""
    strength: float
    """Mean quality of its answers to a task of difficulty 0."""
    verbosity: float
    """Added to the logarithm of its answers' word counts."""
    price: Price


@dataclass(frozen=True, slots=True)
class Planted:
    """Rates of a teacher over random pairs of two different answering models, one answer each; a tie is half right.

    Measured in process over 20 worlds of 20,000 pairs each; the standard errors are below 0.001.
    """

    accuracy: float
    """Share of right winners in one call."""
    consistency: float
    """Share of pairs with the same winner, or a tie, in both orders."""
    averaged: float
    """Share of right winners when the grades of both orders are averaged."""
    retest: float
    """Share of pairs with the same winner, or a tie, when the same order is asked twice."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A judge. All effects are in quality units and add to the gap between two answers."""

    name: str
    family: str
    gain: float
    """Grades (of 1..10) for one unit of quality gap."""
    shared: float
    """Standard deviation of the persistent error it has in common with the other teachers, for a pair."""
    private: float
    """Standard deviation of its own persistent error, for a pair."""
    noise: float
    """Standard deviation of what differs from call to call, for a pair."""
    position: float
    """Mean bonus of the answer shown first over the one shown last."""
    position_spread: float
    """Standard deviation of that bonus between pairs; it is the same in both orders of a pair."""
    length: float
    """Bonus for one unit of the natural logarithm of the length ratio, in words as shown."""
    own_family: float
    """Bonus of an answer by a model of its own family."""
    markdown: float
    """Bonus for one unit of the normalised difference in markdown: a copy with marks over the same text without any."""
    signature: float
    """Bonus of an answer that names its maker (`written by GPT-4o`)."""
    flat: bool
    """Whether its grades are always two apart, so that only the winner tells something."""
    price: Price
    planted: Planted


def _cheap(number: int, family: str, planted: Planted) -> Teacher:
    return Teacher(
        name=f"sim-teacher-cheap-{number}",
        family=family,
        gain=1.6,
        shared=SHARED_ERROR,
        private=0.92,
        noise=0.35,
        position=0.955,
        position_spread=0.47,
        length=0.86,
        own_family=0.25,
        markdown=0.55,
        signature=0.25,
        flat=False,
        price=Price(input=0.25, output=1.0),
        planted=planted,
    )


ANSWERERS = (
    Answerer("sim-oak-70b", "sim-oak", 0, 0.70, 0.00, Price(input=0.60, output=0.80)),
    Answerer("sim-pine-32b", "sim-pine", 1, 0.40, -0.25, Price(input=0.30, output=0.40)),
    Answerer("sim-birch-14b", "sim-birch", 2, 0.15, 0.30, Price(input=0.15, output=0.20)),
    Answerer("sim-oak-8b", "sim-oak", 3, -0.10, -0.10, Price(input=0.08, output=0.10)),
    Answerer("sim-elm-9b", "sim-elm", 4, -0.40, 0.25, Price(input=0.08, output=0.10)),
    Answerer("sim-pine-7b", "sim-pine", 5, -0.75, -0.20, Price(input=0.06, output=0.08)),
)
"""The answering models, best first."""

_STRONG = Teacher(
    name="sim-teacher-strong",
    family="sim-oak",
    gain=1.74,
    shared=SHARED_ERROR,
    private=0.275,
    noise=0.204,
    position=0.38,
    position_spread=0.24,
    length=0.38,
    own_family=0.39,
    markdown=0.30,
    signature=0.10,
    flat=False,
    price=Price(input=2.5, output=10.0),
    planted=Planted(accuracy=0.814, consistency=0.766, averaged=0.830, retest=0.917),
)

TEACHERS = (
    _STRONG,
    _cheap(1, "sim-pine", Planted(accuracy=0.758, consistency=0.610, averaged=0.797, retest=0.890)),
    _cheap(2, "sim-birch", Planted(accuracy=0.759, consistency=0.617, averaged=0.796, retest=0.892)),
    _cheap(3, "sim-elm", Planted(accuracy=0.756, consistency=0.613, averaged=0.794, retest=0.891)),
    Teacher(
        name="sim-teacher-perfect",
        family="sim-teacher",
        gain=4.0,
        shared=0.0,
        private=0.05,
        noise=0.05,
        position=0.0,
        position_spread=0.0,
        length=0.0,
        own_family=0.0,
        markdown=0.0,
        signature=0.0,
        flat=False,
        price=Price(input=2.5, output=10.0),
        planted=Planted(accuracy=0.968, consistency=0.972, averaged=0.975, retest=0.972),
    ),
    replace(
        _STRONG,
        name="sim-teacher-flat",
        family="sim-ash",
        flat=True,
        planted=Planted(accuracy=0.817, consistency=0.846, averaged=0.817, retest=0.957),
    ),
)
"""The teachers."""

BY_NAME: dict[str, Answerer | Teacher] = {member.name: member for member in (*ANSWERERS, *TEACHERS)}
AIMED = 32
"""Added to a model's number in the fingerprint of an answer that it wrote to deserve a stated score (`aimed.py`)."""
BY_NUMBER = {answerer.number + way: answerer for answerer in ANSWERERS for way in (0, AIMED)}
