"""Logistic regression, isotonic curves and calibration error against closed forms."""

from __future__ import annotations

from math import log, pi, sqrt

import numpy as np
import pytest

from prefmill.curation.isotonic import isotonic
from prefmill.curation.logistic import coefficients, coefficients_of_draws, fitted, probability
from prefmill.curation.reliability import reliability
from prefmill.curation.resampling import task_weights


def test_two_by_two_table() -> None:
    columns = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    outcomes, weights = np.array([1.0, 0, 1, 0]), np.array([10.0, 30, 45, 15])
    found = coefficients(columns, outcomes, weights=weights)
    assert found == pytest.approx([log(10 / 30), log(45 / 15) - log(10 / 30)])


def test_standard_error_of_a_share_and_of_the_same_rows_twice() -> None:
    outcomes, ones = np.array([1.0] * 60 + [0.0] * 40), np.ones((100, 1))
    single = fitted(ones, outcomes, clusters=np.arange(100))
    assert single.covariance[0, 0] == pytest.approx(1 / (100 * 0.6 * 0.4) * 100 / 99)
    twice = fitted(np.tile(ones, (2, 1)), np.tile(outcomes, 2), clusters=np.tile(np.arange(100), 2))
    assert twice.covariance[0, 0] == pytest.approx(single.covariance[0, 0])


def test_a_far_start_still_gets_there() -> None:
    columns, outcomes = np.array([[1.0], [1.0], [1.0]]), np.array([1.0, 1, 0])
    assert coefficients(columns, outcomes, start=np.array([12.0])) == pytest.approx([log(2)])


@pytest.mark.parametrize(
    ("columns", "outcomes"),
    [
        ([[1.0], [2.0], [-1.0]], [1.0, 1, 0]),
        ([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], [1.0, 1, 0]),
    ],
    ids=["separated", "repeated columns"],
)
def test_no_finite_coefficients(columns: list[list[float]], outcomes: list[float]) -> None:
    with pytest.raises(ValueError, match="no finite coefficients"):
        coefficients(np.array(columns), np.array(outcomes))


def test_isotonic_pools_what_falls() -> None:
    knots, levels = isotonic(np.array([3.0, 1, 2, 4, 1]), np.array([0.0, 0, 1, 1, 0]))
    assert knots.tolist() == [1, 2, 3, 4]
    assert levels.tolist() == [0, 0.5, 0.5, 1]


def test_isotonic_of_falling_outcomes_is_their_mean() -> None:
    knots, levels = isotonic(np.array([1.0, 2, 3]), np.array([1.0, 1, 0]))
    assert (knots.tolist(), levels.tolist()) == ([1, 3], [pytest.approx(2 / 3)] * 2)


def test_reliability_by_hand() -> None:
    stated = np.array([0.2] * 5 + [0.9] * 10)
    outcomes = np.array([1.0, 0, 0, 0, 0] + [1.0] * 6 + [0.0] * 4)
    found = reliability(stated, outcomes)
    assert [one.rows for one in found.bins] == [5, 10]
    assert [one.stated for one in found.bins] == pytest.approx([0.2, 0.9])
    assert [one.happened for one in found.bins] == pytest.approx([0.2, 0.6])
    assert found.ece == pytest.approx(0.3 * 10 / 15)
    assert found.brier == pytest.approx((0.64 + 4 * 0.04 + 6 * 0.01 + 4 * 0.81) / 15)
    assert found.ece_of_chance == pytest.approx((sqrt(5 * 0.16) + sqrt(10 * 0.09)) * sqrt(2 / pi) / 15)


def test_bins_hold_equal_counts() -> None:
    stated = np.linspace(0.01, 0.99, 100)
    assert [one.rows for one in reliability(stated, (stated > 0.5).astype(np.float64)).bins] == [10] * 10
    with pytest.raises(ValueError, match="no outcomes"):
        reliability(np.array([]), np.array([]))


def test_a_task_is_drawn_with_all_its_rows() -> None:
    tasks = np.array([7, 7, 3, 9, 3])
    draws = list(task_weights(tasks, 50, seed=1))
    assert all(draw[0] == draw[1] and draw[2] == draw[4] and draw[[0, 2, 3]].sum() == 3 for draw in draws)
    assert len({draw.tobytes() for draw in draws}) > 1
    assert np.array_equal(draws, list(task_weights(tasks, 50, seed=1)))


def test_many_draws_at_once_are_the_draws_one_by_one() -> None:
    draw = np.random.default_rng(8)
    columns = draw.normal(size=(60, 3))
    outcomes = (draw.random(60) < probability(columns @ np.array([1.0, -2.0, 0.0]))).astype(np.float64)
    weights = draw.integers(0, 4, size=(25, 60)).astype(np.float64)
    weights[3] = outcomes  # nothing but successes: the penalty alone holds the coefficients
    start = coefficients(columns, outcomes, penalty=0.01)
    found = coefficients_of_draws(columns, outcomes, weights, penalty=0.01, start=start)
    alone = [coefficients(columns, outcomes, weights=row, penalty=0.01) for row in weights]
    assert found == pytest.approx(np.array(alone), abs=1e-6)
