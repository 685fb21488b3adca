"""What is reported of simulated teachers is what is planted in them: offset, length, markdown, names, own family."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest

from prefmill.curation.bias import measure
from prefmill.curation.bias_report import report
from prefmill.curation.readings import probe_readings, readings_of
from prefmill.generators.world.population import TEACHERS, Teacher
from prefmill.schemas.probe import Removable

from .probed import Asking

STRONG, CHEAP = TEACHERS[:2]
PROBES = 300


def planted(teacher: Teacher) -> dict[Removable, float]:
    """In grades: effects act before grades are rounded, which their scatter evens out."""
    return {
        "position": teacher.gain * teacher.position,
        "length": teacher.gain * teacher.length,
        "format": teacher.gain * teacher.markdown,
        "label": teacher.gain * teacher.signature,
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_300_probes_tell_what_is_planted(seed: int) -> None:
    readings = probe_readings(Asking(seed).probes(PROBES, (STRONG, CHEAP)), {})
    found = measure([], readings)
    for teacher in (STRONG, CHEAP):
        for name, value in planted(teacher).items():
            effect = found[teacher.name].effect(name)
            assert effect is not None
            if name in ("position", "length"):
                assert effect.value == pytest.approx(value, rel=0.15)
            assert abs(effect.value - value) < 3.5 * effect.error
            assert effect.error < 0.11


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_intervals_hold_what_is_planted() -> None:
    """95 % intervals, 100 worlds: at least 93 of them for each effect."""
    held: Counter[tuple[str, str]] = Counter()
    measured: Counter[tuple[str, str]] = Counter()
    for seed in range(1000, 1100):
        found = measure([], probe_readings(Asking(seed).probes(PROBES, (STRONG, CHEAP)), {}))
        for teacher in (STRONG, CHEAP):
            for name, value in planted(teacher).items():
                if (effect := found[teacher.name].effect(name)) is not None:
                    measured[teacher.name, name] += 1
                    held[teacher.name, name] += effect.interval.low <= value <= effect.interval.high
    assert min(measured.values()) >= 90
    assert min(held[key] / count for key, count in measured.items()) >= 0.93


def test_pairs_tell_the_planted_consistency_and_the_bonus_for_ones_family() -> None:
    # The same teacher without the bonus: what is between the two is the bonus and nothing else.
    impartial = replace(STRONG, name="impartial", family="sim-none", own_family=0.0)
    teachers, pairs, asking = (STRONG, CHEAP, impartial), 400, Asking(7)
    families = {teacher.name: teacher.family for teacher in teachers}
    judged = []
    for _, answers, comparison in asking.pairs(pairs):
        judgments = [
            asking.judged(comparison, answers, shown, teacher) for teacher in teachers for shown in ((0, 1), (1, 0))
        ]
        judged += readings_of(comparison, answers, judgments, families)
    told = report(judged, [])
    for teacher in (STRONG, CHEAP):
        found, expected = told["teachers"][teacher.name]["consistency"], teacher.planted.consistency
        assert found["n"] == pairs
        assert abs(found["value"] - expected) < 3 * math.sqrt(expected * (1 - expected) / pairs)
        offset = told["teachers"][teacher.name]["offset"]
        assert offset["low"] < planted(teacher)["position"] < offset["high"]
        assert told["teachers"][teacher.name]["prefer_first"]["low"] > 0.1
    own = told["teachers"][STRONG.name]["own_family"]
    assert own["pairs"] > 150
    assert 0 < own["low"] < own["value"] < 0.25
    assert "no families are given" in told["teachers"]["impartial"]["own_family"]["undefined"]
    kappa = {pair: found["value"] for pair, found in told["kappa"].items()}
    assert kappa[f"impartial / {STRONG.name}"] > kappa[f"{CHEAP.name} / {STRONG.name}"] > 0.4
