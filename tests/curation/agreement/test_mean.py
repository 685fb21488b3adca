"""A mean with its interval over tasks."""

from __future__ import annotations

import random

import pytest

from prefmill.curation.agreement.estimate import Undefined
from prefmill.curation.agreement.mean import mean


def test_the_interval_is_as_wide_as_theory_says() -> None:
    draw = random.Random(1)
    values = [draw.gauss(2, 3) for _ in range(400)]
    found = mean(values)
    assert found.value == pytest.approx(sum(values) / 400)
    assert found.low < 2 < found.high
    assert found.width == pytest.approx(2 * 1.96 * 3 / 400**0.5, rel=0.12)
    assert (found.n, found.tasks) == (400, 400)


def test_rows_of_one_task_count_together() -> None:
    draw = random.Random(2)
    of_task = [draw.gauss(0, 1) for _ in range(100)]
    values = [value for value in of_task for _ in range(4)]
    tasks = [f"t{number}" for number in range(100) for _ in range(4)]
    assert mean(values, tasks).width == pytest.approx(2 * mean(values).width, rel=0.15)


def test_nothing_and_one_task_are_told() -> None:
    with pytest.raises(Undefined, match="no rows"):
        mean([])
    with pytest.raises(Undefined, match="one task"):
        mean([1, 2], ["t", "t"])
