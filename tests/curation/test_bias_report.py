"""The report on bias: every figure from pairs counted by hand, and why one is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from prefmill.curation.bias_report import report
from prefmill.curation.readings import Reading, probe_readings
from prefmill.schemas.probe import Probe, ProbeKind
from prefmill.schemas.row import Failure

from .judged_pairs import judged_pair


def pair(number: int, forward: float, backward: float | None, *, teacher: str = "a", own: float = 0.0) -> list[Reading]:
    """Margins of the first answer over the second, by order."""
    name = f"c{number}"
    orders = ((1.0, forward), (-1.0, backward))
    return [
        Reading(name, f"t{number}", teacher, place, margin, 0.0, own=own)
        for place, margin in orders
        if margin is not None
    ]  # fmt: skip


def spoiled(number: int, kind: ProbeKind, altered: int, margin: float, *, readable: bool = True) -> Probe:
    example = judged_pair(number, (margin, margin))
    assert example.comparison is not None
    judgments = example.judgments
    if not readable:
        failure = Failure(kind="unreadable", message="no")
        judgments = tuple(one.model_copy(update={"scores": None, "failure": failure}) for one in judgments)
    return Probe(
        task_id=example.task.id, kind=kind, comparison=example.comparison, answers=example.answers,
        altered=altered, judgments=judgments,
    )  # fmt: skip


def values(told: dict[str, Any], *keys: str) -> list[float]:
    return [told[key]["value"] for key in keys]


ORDERS = ("consistency", "prefer_first", "prefer_second", "delta_bias")


def test_measures_over_orders_are_judgelms() -> None:
    judged = [
        *pair(0, 2, 1),  # the first wins in both
        *pair(1, 0, 0),  # a tie in both
        *pair(2, 1, -1),  # whichever is shown first
        *pair(3, 1, 0),  # a tie where it is shown last: leans to the first
        *pair(4, 2, -1),
        *pair(5, -1, 1),  # whichever is shown last
        *pair(6, 3, None),
        *pair(7, 1, 0.5),
    ]
    told = report(judged, [])["teachers"]["a"]
    assert values(told, *ORDERS) == pytest.approx([3 / 7, 3 / 7, 1 / 7, 2 / 7])
    assert {told[key]["n"] for key in ORDERS} == {7}
    assert all(told[key]["low"] <= told[key]["value"] <= told[key]["high"] for key in ORDERS)
    assert (told["pairs"], told["probes"]) == (8, 0)
    assert told["offset"] == {"undefined": "7 pairs judged in both orders, and 100 are needed"}
    assert told["own_family"] == {"undefined": "one teacher alone judged: there is nothing to hold it against"}
    json.dumps(told, allow_nan=False)


def test_without_both_orders_nothing_is_said_of_them() -> None:
    told = report([*pair(0, 2, None), *pair(1, 1, None)], [])["teachers"]["a"]
    assert {told[key]["undefined"] for key in ORDERS} == {"no pair was judged in both orders"}
    one_task = [*pair(0, 2, 1), *(replace(reading, comparison_id="x") for reading in pair(0, 1, 1))]
    assert "one task" in report(one_task, [])["teachers"]["a"]["consistency"]["undefined"]


def test_a_judgment_that_two_sources_name_counts_once() -> None:
    """A `swapped` probe asks again about a pair of the run: its answers may be those that the run has."""
    told = report([*pair(0, 1, None), *pair(0, 1, -1), *pair(1, 1, 1)], [])["teachers"]["a"]
    assert told["pairs"] == told["consistency"]["n"] == 2
    assert told["consistency"]["value"] == 0.5


def test_kappa_of_each_two_teachers() -> None:
    judged = [r for n in range(40) for r in pair(n, 1 if n % 2 else -1, None)]
    judged += [r for n in range(30) for r in pair(n, 1 if n % 2 else -1, None, teacher="b")]
    judged += [r for n in range(40) for r in pair(n, 1 if n % 4 < 2 else -1, None, teacher="c")]
    kappa = report(judged, [])["kappa"]
    assert list(kappa) == ["a / b", "a / c", "b / c"]
    assert (kappa["a / b"]["value"], kappa["a / b"]["n"]) == (1, 30)
    assert kappa["a / c"]["value"] == pytest.approx(0)
    assert kappa["a / c"]["low"] < 0 < kappa["a / c"]["high"]
    alike = report([*pair(0, 1, None), *pair(0, 1, None, teacher="b")], [])["kappa"]["a / b"]
    assert "everybody always says the same" in alike["undefined"]


def test_own_family_is_held_against_teachers_without_kin_in_the_pair() -> None:
    judged = []
    for n in range(40):
        own = 1.0 if n % 2 else -1.0
        judged += pair(n, own, None, own=own)  # always its kin
        judged += pair(n, own if n % 4 < 2 else 0, None, teacher="b")  # half of the time, else a tie
        judged += pair(n, -own, None, teacher="c", own=-own)  # always its own kin, which is the other answer
    told = report(judged, [])["teachers"]
    assert told["a"]["own_family"]["value"] == pytest.approx(0.25)
    assert told["a"]["own_family"]["pairs"] == 40
    assert 0.15 < told["a"]["own_family"]["low"] < 0.25 < told["a"]["own_family"]["high"] < 0.35
    assert told["c"]["own_family"]["value"] == pytest.approx(0.75)
    assert "no families are given" in told["b"]["own_family"]["undefined"]
    rivals = report([one for one in judged if one.teacher != "b"], [])["teachers"]["a"]["own_family"]
    assert "no teacher without family in the pair" in rivals["undefined"]


def test_refusals_and_cut_copies_that_are_preferred() -> None:
    others = [spoiled(n, "refusal", n % 2, 2) for n in range(20)]  # the first wins; it is the refusal in half of them
    others += [spoiled(20 + n, "truncated", 1, 0 if n else -1) for n in range(10)]
    told = report([], [], others)["teachers"]["gpt"]
    assert (told["refusals_preferred"]["value"], told["refusals_preferred"]["n"]) == (0.5, 20)
    assert told["truncated_preferred"]["value"] == pytest.approx(0.1)
    assert told["offset"] == {"undefined": "none of its judgments could be read"}
    assert report(pair(0, 1, 1), [])["teachers"]["a"]["refusals_preferred"] == {
        "undefined": "no `refusal` probe was judged"
    }


def test_a_teacher_of_whom_nothing_was_read_is_named() -> None:
    told = report([], [], [spoiled(0, "refusal", 0, 1, readable=False)], ["late"])["teachers"]
    nothing = {"undefined": "none of its judgments could be read"}
    assert told == {"gpt": nothing, "late": nothing}


def test_effects_are_those_of_bias() -> None:
    probes = []
    for n in range(60):
        example = judged_pair(n, (2, 0 if n % 3 else 1), texts=("one two three " * 2, "one two three"))
        assert example.comparison is not None
        probes.append(
            Probe(
                task_id=example.task.id, kind="padded", comparison=example.comparison, answers=example.answers,
                altered=0, judgments=example.judgments,
            )
        )  # fmt: skip
    told = report([], probe_readings(probes, {}))["teachers"]["gpt"]
    assert told["length"]["value"] == pytest.approx((1.5 + 2 * 1) / 3 / 0.6931, rel=1e-3)
    assert told["length"]["low"] < told["length"]["value"] < told["length"]["high"]
    assert (told["length"]["pairs"], told["pairs"], told["probes"]) == (60, 0, 60)
    assert told["consistency"] == {"undefined": "no pair was judged in both orders"}
