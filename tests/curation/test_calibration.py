"""From verdicts' features to probabilities, and thresholds that keep a promise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from prefmill.curation.calibration import Calibration, Curve, HeldOut, calibrate
from prefmill.curation.guarantee import Kept, Nothing, keep_accurate, keep_share, lower_bound
from prefmill.curation.labelled import Labelled, labelled
from prefmill.curation.logistic import Floats, probability
from prefmill.curation.reliability import reliability
from prefmill.schemas.errors import UserError

from .judged_pairs import judged_pair


def drawn(labels: int, seed: int = 1, *, tasks: int | None = None) -> tuple[Labelled, Floats]:
    """Labels whose planted probability is logistic in the margin; and those probabilities."""
    draw = np.random.default_rng(seed)
    margin = draw.exponential(2.0, labels)
    inconsistent = (draw.random(labels) < 0.3).astype(np.float64)
    p = probability(0.2 + 0.8 * margin - 0.7 * inconsistent)
    right = (draw.random(labels) < p).astype(np.float64)
    columns = np.column_stack([margin, inconsistent, np.ones(labels)])
    codes = np.arange(labels) % (tasks or labels)
    return Labelled(("margin", "inconsistent", "one_order"), columns, right, codes), p


def test_platt_finds_the_planted_curve_and_a_constant_feature_says_nothing() -> None:
    rows, p = drawn(900)
    found = calibrate(rows)
    assert (found.labels, found.curve.method) == (900, "platt")
    assert found.curve.slopes[0] == pytest.approx(0.8, abs=0.25)
    assert found.curve.slopes[1] < 0 == found.curve.slopes[2]
    assert np.mean(np.abs(found.curve.p(rows.columns) - p)) < 0.03
    assert len(found.fitted) + len(found.held_out.p) == 900


def test_isotonic_from_a_thousand_labels_follows_what_is_not_logistic() -> None:
    draw = np.random.default_rng(2)
    margin = draw.uniform(0, 4, 4000)
    p = np.where(margin < 3, 0.6, 0.97)
    right = (draw.random(4000) < p).astype(np.float64)
    rows = Labelled(("margin",), margin[:, None], right, np.arange(4000))
    stepped, smooth = calibrate(rows), calibrate(rows, isotonic_from=10_000)
    assert (stepped.curve.method, smooth.curve.method) == ("isotonic", "platt")
    misses = [np.mean(np.abs(found.curve.p(rows.columns) - p)) for found in (stepped, smooth)]
    assert misses[0] < 0.03 < misses[1]
    assert np.all(np.diff(stepped.curve.levels) >= 0)


def test_reported_error_is_out_of_sample() -> None:
    """Features that are pure chance: fitted to the labels that test it, the curve would look sharp and right."""
    found = []
    for seed in range(5):
        draw = np.random.default_rng(seed)
        right = (draw.random(240) < 0.5).astype(np.float64)
        rows = Labelled(("a", "b", "c", "d", "e"), draw.normal(size=(240, 5)), right, np.arange(240))
        found.append(calibrate(rows).reliability)
    assert {one.rows for one in found} == {240}
    assert np.mean([one.brier for one in found]) > 0.25
    assert np.mean([one.ece - one.ece_of_chance for one in found]) > 0


def test_a_task_lies_in_one_half_and_tests_a_threshold_once() -> None:
    rows, _ = drawn(1200, tasks=400)
    found = calibrate(rows)
    assert len(found.fitted) == 600
    assert len(found.held_out.p) == 200


def test_same_rows_same_calibration_and_back_from_disk(tmp_path: Path) -> None:
    rows, _ = drawn(1500)
    found = calibrate(rows)
    assert calibrate(rows) == found
    assert calibrate(rows, seed=1) != found
    (tmp_path / "c.json").write_text(found.text())
    assert Calibration.load(tmp_path / "c.json") == found
    plain = json.loads((tmp_path / "c.json").read_text())
    assert plain["curve"]["features"] == ["margin", "inconsistent", "one_order"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no calibration can be read"),
        (b"no", "not a calibration: Invalid JSON"),
        (b'{"version": 2}', "not a calibration: version: "),
    ],
    ids=["absent", "not JSON", "other version"],
)
def test_unusable_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"c.json: {message}") as caught:
        Calibration.load(path)
    assert "\n" not in str(caught.value)


def test_curve_whose_parts_do_not_fit() -> None:
    with pytest.raises(ValueError, match="one slope for each feature"):
        Curve(method="platt", features=("margin",), intercept=0, slopes=())
    with pytest.raises(ValueError, match="knots and levels"):
        Curve(method="isotonic", features=("margin",), intercept=0, slopes=(1.0,))


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(UserError, match=r"labels of 200 verdicts of different tasks.*\(got 199 of 199 tasks\)"):
        calibrate(drawn(199)[0])
    with pytest.raises(UserError, match=r"\(got 400 of 100 tasks\)"):
        calibrate(drawn(400, tasks=100)[0])
    rows, _ = drawn(400)
    spotless = Labelled(rows.features, rows.columns, np.array([0.0] * 59 + [1.0] * 341), rows.tasks)
    with pytest.raises(UserError, match=r"3 features need 60 labels that agree .* and 60 .* \(got 341 and 59\)"):
        calibrate(spotless)


def test_clopper_pearson() -> None:
    assert lower_bound(8, 10) == pytest.approx(0.4930987)
    assert lower_bound(45, 50, 0.9) == pytest.approx(0.8223819)
    assert lower_bound(20, 20) == pytest.approx(0.05 ** (1 / 20))
    assert lower_bound(0, 5) == 0


def stated(p: Floats, right: Floats) -> Calibration:
    curve = Curve(method="platt", features=("margin",), intercept=0, slopes=(1.0,))
    held_out = HeldOut(p=tuple(p.tolist()), right=tuple(right == 1))
    return Calibration(
        labels=2 * len(p),
        curve=curve,
        fitted=held_out.p,
        held_out=held_out,
        reliability=reliability(p, right),
    )


def test_the_loosest_threshold_that_holds() -> None:
    p = np.repeat([0.95, 0.85, 0.65], 200)
    right = np.concatenate([np.arange(200) < share for share in (198, 180, 100)]).astype(np.float64)
    loose, strict = (keep_accurate(stated(p, right), target) for target in (0.9, 0.95))
    assert isinstance(loose, Kept)
    assert isinstance(strict, Kept)
    assert loose.labels == 400
    assert loose.accuracy == pytest.approx(0.945)
    assert loose.threshold == pytest.approx(0.66)
    assert loose.at_least >= 0.9
    assert (strict.labels, strict.threshold) == (200, 0.86)
    assert strict.share == pytest.approx(1 / 3)


def test_what_cannot_be_shown_keeps_nothing_and_says_why() -> None:
    p = np.repeat([0.95, 0.65], 100)
    right = np.concatenate([np.arange(100) < share for share in (90, 60)]).astype(np.float64)
    found = keep_accurate(stated(p, right), 0.95)
    assert isinstance(found, Nothing)
    assert found.why == (
        "95% right cannot be shown at 95% confidence: of 200 held-out labels with p >= 0.65, 75.0% are right, which "
        "shows 69.5%; label more verdicts or ask for less"
    )
    low = keep_accurate(stated(np.full(200, 0.3), right), 0.9)
    assert isinstance(low, Nothing)
    assert "no held-out label has p >= 0.50" in low.why
    with pytest.raises(ValueError, match="target must lie between 0 and 1"):
        keep_accurate(stated(p, right), 1.0)


def test_the_promise_holds_in_nineteen_of_twenty_worlds() -> None:
    """The probabilities are 5 points too high, so that to trust them, or the share seen right, often breaks it."""
    kept, broken = 0, 0
    grid = 0.99 - 0.49 * np.linspace(0, 1, 3000) ** 3
    for seed in range(200):
        draw = np.random.default_rng(seed)
        p = 0.99 - 0.49 * draw.random(300) ** 3
        found = keep_accurate(stated(p, (draw.random(300) < p - 0.05).astype(np.float64)), 0.85)
        if isinstance(found, Kept):
            kept += 1
            broken += float(np.mean(grid[grid >= found.threshold] - 0.05)) < 0.85
    assert kept > 150
    assert broken <= 20  # of 200 at 5 %: more have a probability below 0.001


def test_share_kept() -> None:
    draw = np.random.default_rng(8)
    p = draw.uniform(0.5, 0.99, 300)
    calibration = stated(p, (draw.random(300) < p).astype(np.float64))
    found = keep_share(calibration, 0.25, draw.uniform(0.5, 0.99, 4000))
    assert isinstance(found, Kept)
    assert found.share == pytest.approx(0.25, abs=0.05)
    assert found.at_least < found.accuracy
    strange = keep_share(calibration, 0.1, np.full(10, 0.999))
    assert isinstance(strange, Nothing)
    assert strange.why == "no held-out label has p >= 0.999, so nothing is known of the top 10%"


def test_labels_of_examples() -> None:
    examples = [
        judged_pair(0, (3, 1), people=("first", "first", "second")),
        judged_pair(1, (1, -3), people=("first",)),
        judged_pair(2, (2,), shown=((0, 1),), people=("first", None), task=0),
        judged_pair(3, (1, 1), people=("tie", "first")),
        judged_pair(4, (1, -1), people=("first",)),
        judged_pair(5, (1, 1), people=(None,)),
        judged_pair(6, (1, 1), people=("tie",)),
    ]
    names = ("margin", "inconsistent", "one_order", "spread", "judgments", "dissent", "reference")
    found = labelled(examples, names)
    assert found.features == names
    assert found.right.tolist() == [1, 0, 1]
    assert found.tasks.tolist() == [0, 1, 0]
    assert found.columns.tolist() == [
        [2, 0, 0, 1, 2, 0, 0],
        [1, 1, 0, 2, 2, 0.5, 0],
        [2, 0, 1, 0, 1, 0, 0],
    ]
