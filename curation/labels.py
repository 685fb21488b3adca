"""From what teachers said to the label that is published: biases taken off, people heard, certainty stated.

People decide where they have judged: a label is a guess at what people prefer, and they do not guess. Where they are
not of one mind the teachers' winner stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..schemas.labels import PEOPLE, winner_at
from ..schemas.rows import Judgment, Verdict, Winner
from .calibration import Calibration
from .labelled import verdict_features


def without_bias(verdict: Verdict, margin: float, tie_margin: float, *, tied: bool = False) -> Verdict:
    """The verdict with the debiased `margin` beside the raw one, and the winner that it says; a tie where `tied`, by a
    rule of the protocol, whatever the margin.
    """
    winner = "tie" if tied else winner_at(margin, tie_margin)
    return verdict.model_copy(update={"debiased": margin, "winner": winner})


def with_confidence(verdict: Verdict, judgments: Sequence[Judgment], calibration: Calibration) -> Verdict:
    """The verdict with the probability that people agree with its winner; a tie, or a verdict without one, as it is."""
    if verdict.winner in (None, "tie"):
        return verdict
    curve = calibration.curve
    p = float(curve.p(verdict_features(curve.features, verdict, judgments)[None, :])[0])
    return verdict.model_copy(update={"confidence": p})


def by_people(verdict: Verdict, winner: Winner | None) -> Verdict:
    """The verdict with the winner that people name, flagged, and no longer a probability; as it is where they name
    none."""
    if winner is None or verdict.winner is None:
        return verdict
    return verdict.model_copy(update={"winner": winner, "confidence": None, "flags": (*verdict.flags, PEOPLE)})
