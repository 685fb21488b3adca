"""From what teachers said to what is published: the winner follows the debiased margin, and people decide."""

from __future__ import annotations

import numpy as np
import pytest

from prefmill.curation.calibration import Calibration, calibrate
from prefmill.curation.labelled import Labelled
from prefmill.curation.labels import by_people, with_confidence, without_bias
from prefmill.curation.logistic import probability
from prefmill.schemas.labels import PEOPLE, majority
from prefmill.schemas.rows import Review, Verdict, Winner


def verdict(winner: Winner, margin: float) -> Verdict:
    return Verdict(
        comparison_id="c", task_id="t", protocol="both_orders", judgment_ids=("j",), winner=winner, margin=margin
    )


def review(winner: Winner | None, annotator: str) -> Review:
    return Review(comparison_id="c", task_id="t", annotator=annotator, winner=winner, stratum="audit")


@pytest.mark.parametrize(
    ("said", "margin", "debiased", "tie_margin", "winner"),
    [
        ("first", 1.0, -0.5, 0, "second"),
        ("first", 1.0, 0.25, 0, "first"),
        ("first", 1.0, 0.25, 0.5, "tie"),
        ("tie", 0.0, 0.75, 0, "first"),
        ("tie", 0.25, -0.75, 0.5, "second"),
    ],
)
def test_the_winner_follows_the_debiased_margin_and_the_raw_one_stays(
    said: Winner, margin: float, debiased: float, tie_margin: float, winner: Winner
) -> None:
    found = without_bias(verdict(said, margin), debiased, tie_margin)
    assert (found.winner, found.margin, found.debiased, found.final_margin) == (winner, margin, debiased, debiased)


def test_a_tie_by_a_rule_stays_one_whatever_the_margin() -> None:
    for margin in (1.0, 0.0):
        assert without_bias(verdict("tie", margin), -0.75, 0, tied=True).winner == "tie"


def test_an_unchanged_verdict_keeps_its_id_and_a_debiased_one_has_its_own() -> None:
    raw = verdict("first", 1.0)
    assert Verdict.parse(raw.record()).id == raw.id
    assert without_bias(raw, 0.5, 0).id not in (raw.id, without_bias(raw, 0.25, 0).id)


@pytest.mark.parametrize(
    ("votes", "winner", "decided"),
    [
        (("second", "second", "first"), "second", True),
        (("first",), "first", True),
        (("tie",), "tie", True),
        (("first", "second"), "first", False),
        ((None, None), "first", False),
        ((), "first", False),
    ],
)
def test_people_decide_where_more_than_half_agree(
    votes: tuple[Winner | None, ...], winner: Winner, decided: bool
) -> None:
    sure = verdict("first", 1.0).model_copy(update={"confidence": 0.9})
    found = by_people(sure, majority(review(vote, f"a{number}") for number, vote in enumerate(votes)))
    assert (found.winner, PEOPLE in found.flags) == (winner, decided)
    assert found.confidence == (None if decided else 0.9)


def test_people_give_no_winner_to_a_comparison_of_several_answers() -> None:
    several = Verdict(comparison_id="c", task_id="t", protocol="listwise", judgment_ids=("j",), scores=(3, 2, 1))
    assert by_people(several, "first") == several


def _calibration() -> Calibration:
    draw = np.random.default_rng(3)
    margin = draw.exponential(2.0, 600)
    right = (draw.random(600) < probability(0.9 * margin)).astype(np.float64)
    return calibrate(Labelled(("margin",), margin[:, None], right, np.arange(600)))


def test_certainty_rises_with_the_margin_that_the_winner_follows() -> None:
    calibration = _calibration()
    near, far = (with_confidence(verdict("first", margin), (), calibration).confidence for margin in (0.1, 3.0))
    assert near is not None
    assert far is not None
    assert 0.4 < near < 0.65
    assert 0.85 < far < 1
    debiased = without_bias(verdict("first", 3.0), 0.1, 0)
    assert with_confidence(debiased, (), calibration).confidence == near
    assert with_confidence(verdict("tie", 0.0), (), calibration).confidence is None
