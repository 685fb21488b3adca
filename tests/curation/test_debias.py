"""A teacher's place and length bias: measured where it was planted, taken off, and what is left."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from prefmill.curation.bias import measure
from prefmill.curation.debias import debiased
from prefmill.curation.readings import Reading, readings
from prefmill.curation.residual_bias import probe_bias, residual_bias
from prefmill.schemas.errors import UserError

from .judged_pairs import judged_pair

OFFSET, SLOPE = 0.7, 0.5


def read(pairs: int, *, kind: str = "pair", seed: int = 1, both: bool = True, gap: float = 1.5) -> list[Reading]:
    """Readings by a teacher with the planted effects; probes are pairs without a gap."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(pairs):
        truth, length = gap * draw.normal(), draw.normal()
        for place in (1.0, -1.0) if both else (1.0,):
            margin = truth + OFFSET * place + SLOPE * length + 0.4 * draw.normal()
            found.append(Reading(f"{kind}{number}", f"{kind}{number}", "gpt", place, margin, length))
    return found


def test_planted_effects_are_found() -> None:
    bias = measure(read(300), read(300, kind="probe", seed=2, gap=0))["gpt"]
    assert bias.offset is not None
    assert bias.slope is not None
    assert bias.offset.pairs == 600
    assert bias.offset.value == pytest.approx(OFFSET, abs=4 * bias.offset.error)
    assert bias.slope.value == pytest.approx(SLOPE, abs=4 * bias.slope.error)
    assert 0.005 < bias.offset.error < 0.02
    assert 0.01 < bias.slope.error < 0.03
    assert bias.spread == pytest.approx(0.4 / 2**0.5, rel=0.1)


def test_probes_read_in_one_order_lose_the_offset_first() -> None:
    probes = read(300, kind="probe", seed=2, gap=0, both=False)
    one_sided = [Reading(p.comparison_id, p.task_id, "gpt", 1.0, p.margin, abs(p.length) + 0.1) for p in probes]
    planted = [
        Reading(p.comparison_id, p.task_id, "gpt", 1.0, p.margin + SLOPE * (p.length - q.length), p.length)
        for p, q in zip(one_sided, probes, strict=True)
    ]
    bias = measure(read(300), planted)["gpt"]
    assert bias.slope is not None
    assert bias.slope.value == pytest.approx(SLOPE, abs=0.08)
    assert measure([], planted)["gpt"].slope is None


def test_rows_of_one_task_count_as_one_in_the_error() -> None:
    found = read(300)
    shared = [Reading(r.comparison_id, str(int(r.comparison_id[4:]) % 10), *_rest(r)) for r in found]
    copied = [Reading(r.comparison_id + "x", r.task_id, *_rest(r)) for r in found]
    alone, twice, few = (measure(rows)["gpt"].offset for rows in (found, found + copied, shared))
    assert alone is not None
    assert twice is not None
    assert few is not None
    assert twice.error == pytest.approx(alone.error)
    assert few.error != pytest.approx(alone.error)


def _rest(reading: Reading) -> tuple[str, float, float, float]:
    return reading.teacher, reading.place, reading.margin, reading.length


def test_what_was_not_measured_is_not_removed() -> None:
    few = measure(read(99))
    assert few["gpt"].offset is None
    assert few["gpt"].spread is None
    with pytest.raises(UserError, match="remove: position: gpt has judged too few pairs in both orders"):
        debiased(read(5), few, ("position",))
    enough = measure(read(100))
    with pytest.raises(UserError, match="remove: length: gpt has judged too few probes"):
        debiased(read(5), enough, ("position", "length"))
    with pytest.raises(UserError, match="remove: position: gpt"):
        debiased(read(5), {}, ("position",))


def test_margins_raw_and_debiased() -> None:
    bias = measure(read(300), read(300, kind="probe", seed=2, gap=0))
    offset, slope = bias["gpt"].offset, bias["gpt"].slope
    assert offset is not None
    assert slope is not None
    judged = [
        Reading("x", "t", "gpt", 1.0, 2.0, 1.0),
        Reading("y", "t", "gpt", 1.0, 2.0, 0.0),
        Reading("y", "t", "gpt", -1.0, 1.0, 0.0),
    ]
    one, both = debiased(judged, bias, ("position", "length"))
    assert (one.comparison_id, one.raw) == ("x", 2.0)
    assert one.debiased == pytest.approx(2 - offset.value - slope.value)
    assert (both.raw, both.debiased) == (1.5, 1.5)
    assert debiased(judged, bias, ("position",))[0].debiased == pytest.approx(2 - offset.value)
    assert debiased(judged, {}, ())[0].debiased == 2.0


def test_a_teacher_asked_more_often_does_not_weigh_more() -> None:
    judged = [
        Reading("x", "t", "gpt", 1.0, 4.0, 0.0),
        Reading("x", "t", "gpt", -1.0, 2.0, 0.0),
        Reading("x", "t", "llama", 1.0, -1.0, 0.0),
    ]
    assert [margin.raw for margin in debiased(judged, {}, ())] == [1.0]


def test_readings_of_examples() -> None:
    first, second = readings([judged_pair(0, (3, 1), texts=("a b c", "a"))])
    assert (first.place, first.margin, second.place, second.margin) == (1, 3, -1, 1)
    assert first.length == pytest.approx(log(3))
    assert first.comparison_id == second.comparison_id


def test_residual_bias_with_known_truth() -> None:
    draw = np.random.default_rng(4)
    gap, length = draw.normal(size=4000), draw.normal(size=4000)
    place, tasks = draw.choice([-1.0, 1.0], 4000), np.arange(4000)
    seen = gap + 0.3 * place + 0.5 * length + draw.logistic(scale=0.5, size=4000)
    left = residual_bias((seen > 0).astype(float), gap, {"position": place, "length": length}, tasks)
    for name, planted in (("position", 0.3), ("length", 0.5)):
        assert left[name].low < planted < left[name].high
        assert left[name].high - left[name].low < 0.2
    clean = residual_bias((seen - 0.3 * place - 0.5 * length > 0).astype(float), gap, {"length": length}, tasks)
    assert clean["length"].low < 0 < clean["length"].high


def test_residual_bias_with_people_for_the_truth() -> None:
    draw = np.random.default_rng(5)
    gap, length = draw.normal(size=4000), draw.normal(size=4000)
    people = np.sign(gap + 0.5 * draw.normal(size=4000))
    labels = (gap + 0.5 * length + 0.3 * draw.normal(size=4000) > 0).astype(float)
    left = residual_bias(labels, people, {"length": length}, np.arange(4000))
    assert left["length"].low > 0.2


def test_residual_bias_needs_labels_that_follow_the_truth() -> None:
    gap = np.linspace(-1, 1, 50)
    noise = {"length": np.sin(np.arange(50.0))}
    upside_down = np.array([0.0, 0, 1] * 17)[:50] * (gap > 0) + (gap < 0)
    with pytest.raises(ValueError, match="do not follow"):
        residual_bias(upside_down, gap, noise, np.arange(50))
    with pytest.raises(ValueError, match="no finite coefficients"):
        residual_bias((gap > 0).astype(float), gap, noise, np.arange(50))


def test_probe_bias() -> None:
    draw = np.random.default_rng(6)
    length, place = draw.normal(size=400), draw.choice([-1.0, 1.0], 400)
    margins = 1.7 * (0.4 * length + 0.2 * place) + 0.3 * draw.normal(size=400)
    found = probe_bias(margins, {"length": length, "position": place}, np.arange(400), unit=1.7)
    assert found["length"].low < 0.4 < found["length"].high
    assert found["position"].low < 0.2 < found["position"].high
    in_scores = probe_bias(margins, {"length": length, "position": place}, np.arange(400))
    assert in_scores["length"].value == pytest.approx(1.7 * found["length"].value)
    with pytest.raises(ValueError, match="cannot tell length, again apart"):
        probe_bias(margins, {"length": length, "again": 2 * length}, np.arange(400))
