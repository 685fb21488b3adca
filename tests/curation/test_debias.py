"""A teacher's biases: measured where they were planted, taken off, and what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prefmill.curation.bias import LEAST, Bias, measure
from prefmill.curation.debias import debiased_margin, removable
from prefmill.curation.least_squares import Effect, student
from prefmill.curation.readings import Reading
from prefmill.curation.residual_bias import residual_bias
from prefmill.schemas.errors import UserError
from prefmill.schemas.probe import ProbeKind, Removable

OFFSET, SLOPE = 0.7, 0.5


def read(
    pairs: int, kind: ProbeKind | None = None, *, seed: int = 1, both: bool = True, tasks: int = 10**6
) -> list[Reading]:  # fmt: skip
    """Readings by a teacher with the planted effects; probes are pairs without a gap."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(pairs):
        truth, length = (0.0 if kind else 1.5 * draw.normal()), draw.normal()
        for place in (1.0, -1.0) if both else (1.0,):
            margin = truth + OFFSET * place + SLOPE * length + 0.4 * draw.normal()
            task = f"{kind} {number % tasks}"
            found.append(Reading(f"{kind} {number}", task, "gpt", place, margin, length, kind=kind))
    return found


def planted() -> Bias:
    return measure(read(300), read(300, "padded", seed=2))["gpt"]


def effect(bias: Bias, name: Removable) -> Effect:
    found = bias.effect(name)
    assert found is not None
    return found


def test_planted_effects_are_found() -> None:
    bias = planted()
    assert bias.offset is not None
    assert bias.slope is not None
    assert bias.offset.pairs == 600
    assert bias.slope.pairs == 300
    assert bias.offset.value == pytest.approx(OFFSET, abs=4 * bias.offset.error)
    assert bias.slope.value == pytest.approx(SLOPE, abs=4 * bias.slope.error)
    assert 0.005 < bias.offset.error < 0.02
    assert 0.01 < bias.slope.error < 0.03
    assert bias.spread == pytest.approx(0.4 / 2**0.5, rel=0.1)
    interval = bias.slope.interval
    assert interval.high - interval.value == pytest.approx(1.968 * bias.slope.error, rel=1e-3)


def test_real_pairs_say_nothing_of_length() -> None:
    """Longer answers win here because they are better: that is no bias."""
    honest = [replace(reading, margin=3 * reading.length) for reading in read(300)]
    assert measure(honest)["gpt"].slope is None
    assert effect(measure(honest, read(60, "padded", seed=2))["gpt"], "length").value == pytest.approx(SLOPE, abs=0.2)


def test_what_copies_differ_in_besides_is_told_apart() -> None:
    """Markdown adds words and padding repeats markdown: one at a time, each would be taken for the other."""
    draw = np.random.default_rng(3)
    probes = []
    for number in range(400):
        kind: ProbeKind = ("padded", "reformatted", "relabelled")[number % 3]
        length = {"padded": 0.7, "reformatted": 0.2, "relabelled": 0.1}[kind] * draw.choice([-1, 1])
        form = {"padded": 0.5, "reformatted": 1.0, "relabelled": 0.0}[kind] * np.sign(length)
        label = float(np.sign(length)) if kind == "relabelled" else 0.0
        for place in (1.0, -1.0):
            margin = OFFSET * place + SLOPE * length + 0.4 * form + 0.3 * label + 0.2 * draw.normal()
            probes.append(Reading(f"{number}", f"{number}", "gpt", place, margin, length, form, label, 0.0, kind))
    bias = measure([], probes)["gpt"]
    values: dict[Removable, float] = {"length": SLOPE, "format": 0.4, "label": 0.3}
    for name, value in values.items():
        found = effect(bias, name)
        assert found.value == pytest.approx(value, abs=4 * found.error)
        assert found.error < 0.05
    alone = measure([], [probe for probe in probes if probe.kind == "padded"])["gpt"]
    assert effect(alone, "length").value > SLOPE + 0.2


def test_effects_that_nothing_tells_apart_are_not_measured() -> None:
    probes = [replace(reading, format=2 * reading.length) for reading in read(60, "padded")]
    probes += [
        replace(reading, format=2 * reading.length, comparison_id=f"r{reading.comparison_id}")
        for reading in read(60, "reformatted", seed=2)
    ]
    bias = measure([], probes)["gpt"]
    assert (bias.slope, bias.format) == (None, None)
    assert bias.missing["format"] == "the probes cannot tell length, format apart"


def test_probes_read_in_one_order_lose_the_offset_first() -> None:
    one_sided = [
        replace(
            probe,
            length=abs(probe.length) + 0.1,
            margin=probe.margin + SLOPE * (abs(probe.length) + 0.1 - probe.length),
        )
        for probe in read(300, "padded", seed=2, both=False)
    ]
    assert effect(measure(read(300), one_sided)["gpt"], "length").value == pytest.approx(SLOPE, abs=0.08)
    assert measure([], one_sided)["gpt"].slope is None


def test_an_answer_beside_itself_tells_the_offset_in_one_order() -> None:
    beside = [replace(probe, length=0.0, margin=OFFSET * probe.place) for probe in read(100, "identical", both=False)]
    assert effect(measure([], beside)["gpt"], "position").value == pytest.approx(OFFSET)
    assert measure(read(100, both=False))["gpt"].offset is None


def test_rows_of_one_task_count_as_one_in_the_error() -> None:
    found = read(300)
    shared = read(300, tasks=10)
    copied = [replace(reading, comparison_id=f"{reading.comparison_id}x") for reading in found]
    alone, twice, few = (effect(measure(rows)["gpt"], "position") for rows in (found, found + copied, shared))
    assert twice.error == pytest.approx(alone.error, rel=0.01)
    assert (alone.tasks, twice.tasks, few.tasks) == (300, 300, 10)
    assert few.error != pytest.approx(alone.error)
    assert few.interval.high - few.value > 2.2 * few.error
    one = measure(read(300, tasks=1))["gpt"]
    assert one.offset is None
    assert "1 tasks" in one.missing["position"]


def test_students_quantile() -> None:
    """Against tables of Student's t."""
    for freedom, value in ((9, 2.262), (24, 2.064), (99, 1.984), (10**6, 1.960)):
        assert student(freedom) == pytest.approx(value, rel=2e-3)


def test_what_was_not_measured_is_not_removed() -> None:
    few = measure(read(LEAST["position"] - 1))
    assert few["gpt"].offset is None
    assert few["gpt"].spread is None
    with pytest.raises(UserError, match="remove: position: gpt: 99 pairs judged in both orders, and 100 are needed"):
        removable(few, ["gpt"], ("position",))
    enough = measure(read(LEAST["position"]), read(12, "padded"))
    removable(enough, ["gpt"], ("position",))
    with pytest.raises(UserError, match=r"length: gpt: 12 `padded` .* 50 are needed; raise `probes.share`"):
        removable(enough, ["gpt"], ("position", "length"))
    with pytest.raises(UserError, match="remove: position: llama: none of its judgments could be read"):
        removable(enough, ["gpt", "llama"], ("position",))
    with pytest.raises(ValueError, match="the length bias of gpt was not measured"):
        debiased_margin(read(1), enough, ("length",))


def test_margins_without_the_biases() -> None:
    bias = planted()
    biases = {"gpt": bias}
    offset, slope = effect(bias, "position").value, effect(bias, "length").value
    once = [Reading("x", "t", "gpt", 1.0, 2.0, 1.0)]
    assert debiased_margin(once, {}, ()) == 2.0
    assert debiased_margin(once, biases, ("position",)) == pytest.approx(2 - offset)
    assert debiased_margin(once, biases, ("position", "length")) == pytest.approx(2 - offset - slope)
    both = [Reading("y", "t", "gpt", 1.0, 2.0, 0.0), Reading("y", "t", "gpt", -1.0, 1.0, 0.0)]
    assert debiased_margin(both, biases, ("position", "length")) == 1.5
    other = replace(bias, format=Effect(0.5, 0.1, 30, 30), label=Effect(0.25, 0.1, 30, 30))
    styled = [Reading("z", "t", "gpt", 1.0, 2.0, 0.0, -1.0, 1.0)]
    assert debiased_margin(styled, {"gpt": other}, ("format", "label")) == 2.25


def test_a_teacher_asked_more_often_does_not_weigh_more() -> None:
    judged = [
        Reading("x", "t", "gpt", 1.0, 4.0, 0.0),
        Reading("x", "t", "gpt", -1.0, 2.0, 0.0),
        Reading("x", "t", "llama", 1.0, -1.0, 0.0),
    ]
    assert debiased_margin(judged, {}, ()) == 1.0


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
