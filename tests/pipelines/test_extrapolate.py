"""From a sample to the whole: how often the range holds, and what it says where it can say nothing."""

from __future__ import annotations

import math
import random

import pytest

from prefmill.pipelines.extrapolate import Amount, Figure, extrapolate, total
from prefmill.schemas.row import Usage


def usages(chance: random.Random, count: int) -> list[Usage]:
    """A few long tasks among many short ones, which makes ranges hold a little less often than they say."""
    lengths = [chance.lognormvariate(5, 0.6) for _ in range(count)]
    return [Usage(prompt_tokens=round(x), completion_tokens=round(2 * x), calls=3) for x in lengths]


@pytest.mark.parametrize("sampled", [8, 20])
def test_the_range_holds_about_nine_times_in_ten(sampled: int) -> None:
    chance, held, repeats = random.Random(4), 0, 200
    everything = usages(chance, 400)
    truth = sum(usage.prompt_tokens for usage in everything)
    for seed in range(repeats):
        figure = extrapolate({"m": chance.sample(everything, sampled)}, 400, seed)["m"].prompt_tokens.figure()
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.expected < figure.high
        held += figure.low <= truth <= figure.high
    assert 0.81 <= held / repeats <= 0.97


def test_ranges_shrink_with_the_sample() -> None:
    everything = usages(random.Random(1), 2000)
    widths = []
    for sampled in (10, 100, 1000):
        figure = extrapolate({"m": everything[:sampled]}, 2000, 0)["m"].prompt_tokens.figure()
        assert figure.low is not None
        assert figure.high is not None
        widths.append(figure.high - figure.low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_a_sample_of_everything_is_exact() -> None:
    use = extrapolate({"m": usages(random.Random(1), 30)}, 30, 0)["m"]
    assert use.calls.figure() == Figure(90, 90, 90)
    figure = use.prompt_tokens.figure()
    assert figure.low == figure.expected == figure.high


def test_tasks_that_are_all_alike_leave_nothing_open() -> None:
    figure = extrapolate({"m": [Usage(calls=4)] * 5}, 1000, 0)["m"].calls.figure()
    assert (figure.expected, figure.low, figure.high) == pytest.approx((4000, 4000, 4000))


def test_one_task_says_nothing_of_the_others() -> None:
    assert extrapolate({"m": [Usage(calls=4)]}, 10, 0)["m"].calls.figure() == Figure(40, None, None)


def test_the_same_seed_says_the_same() -> None:
    sample = usages(random.Random(1), 20)
    figures = [extrapolate({"m": sample}, 500, seed)["m"].prompt_tokens.figure() for seed in (3, 3, 4)]
    assert figures[0] == figures[1] != figures[2]


def test_amounts_of_one_estimate_move_together() -> None:
    """Half and half of the same tokens vary as the whole does: the same tasks are drawn for both."""
    sample = usages(random.Random(1), 20)
    use = extrapolate({"m": sample, "again": sample}, 500, 0)
    both = total([use["m"].prompt_tokens, use["again"].prompt_tokens]).figure()
    one = use["m"].prompt_tokens.times(2).figure()
    assert (both.expected, both.low, both.high) == pytest.approx((one.expected, one.low, one.high))


def test_what_is_guessed_has_no_range() -> None:
    guessed = total([Amount(3, None), Amount(4, None)]).times(0.5)
    assert guessed.figure() == Figure(3.5, None, None)
    assert not math.isnan(guessed.expected)
