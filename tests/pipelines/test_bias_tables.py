"""Bias and ranking as tables: what is in a cell, what fits a terminal, and what is said of what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from prefmill.bias import WIDTH, show_bias, show_ranking
from prefmill.curation.bias_report import report
from prefmill.curation.ranking import Matches, rank, ranking_plain
from prefmill.curation.readings import Reading
from prefmill.pipelines.bias_tables import FIGURES, bias_tables, figure_text, ranking_tables
from prefmill.pipelines.card import sections


def told(teachers: int) -> dict[str, Any]:
    """A report on teachers with an offset of 1; the last has judged one order only, and one nothing."""
    judged = [
        Reading(f"c{n}", f"t{n}", f"sim-teacher-{letter}", place, place + 2 * (n % 3 - 1), 0.0)
        for letter in range(teachers)
        for n in range(1200)
        for place in ((1.0, -1.0) if letter < teachers - 1 else (1.0,))
    ]
    return report(judged, [], teachers=["silent"])


def ranking() -> dict[str, Any]:
    rows = [(0, 1, 1.0)] * 60 + [(1, 2, 1.0)] * 40 + [(2, 0, 1.0)] * 30
    first, second, outcomes = (np.array(column) for column in zip(*rows, strict=True))
    matches = Matches(("a", "b", "c"), first, second, outcomes, np.arange(130), columns=np.zeros((130, 0)))
    return ranking_plain(rank(matches, repeats=50))


def test_a_cell_has_value_interval_and_number() -> None:
    found = {"value": 0.0512, "low": -0.01, "high": 0.1134, "n": 1234}
    assert figure_text(found, "consistency") == "5.1% [-1.0, 11.3] 1,234"
    assert figure_text({**found, "pairs": 99}, "offset") == "0.05 [-0.01, 0.11] 99"
    assert figure_text(found) == "0.05 [-0.01, 0.11] 1,234"
    assert figure_text({"undefined": "no"}, "offset") == "-"


def test_teachers_stand_side_by_side_as_far_as_they_fit(capsys: pytest.CaptureFixture[str]) -> None:
    bias = told(5)
    (whole, _) = bias_tables(bias)
    assert whole.columns == ("figure", *(f"sim-teacher-{letter}" for letter in range(5)))
    parts = [one for one in bias_tables(bias, WIDTH) if one.title == whole.title]
    assert len(parts) > 1
    assert [name for one in parts for name in one.columns[1:]] == list(whole.columns[1:])
    assert [one.explained != "" for one in parts] == [False] * (len(parts) - 1) + [True]
    show_bias(bias)
    lines = capsys.readouterr().out.splitlines()
    drawn = [line.rstrip() for line in lines if line.startswith(tuple(f" {name}" for name in FIGURES.values()))]
    assert len(drawn) == len(parts) * len(FIGURES)
    assert max(map(len, drawn)) <= WIDTH
    assert any("same winner swapped" in line and "66.7% [" in line for line in drawn)


def test_what_is_missing_is_said_once_for_all_that_miss_it() -> None:
    first, _ = bias_tables(told(3))
    label = FIGURES["label"]
    assert f"{label}: 0 `relabelled` probes judged, and 25 are needed ({', '.join(first.columns[1:])})" in first.notes
    orders = "same winner swapped, leans to the first, leans to the last, delta bias"
    assert f"{orders}: no pair was judged in both orders (sim-teacher-2)" in first.notes
    assert first.notes[-1] == "silent: none of its judgments could be read"
    (nobody,) = bias_tables(report([], [], teachers=["silent"]))
    assert (nobody.rows, nobody.notes) == ((), ("silent: none of its judgments could be read",))


def test_a_ranking_as_judged_and_without_biases(capsys: pytest.CaptureFixture[str]) -> None:
    plain = ranking()
    raw, debiased = ranking_tables({"raw": plain, "debiased": {"undefined": "c never met a"}})
    assert [row[:2] for row in raw.rows] == [("1", "a"), ("2", "c"), ("3", "b")]
    assert "130 pairs of 130 tasks, 0 tied" in raw.explained
    assert raw.rows[-1][-1] == ""
    assert (debiased.rows, debiased.notes) == ((), ("c never met a",))
    show_ranking({"raw": plain})
    out = capsys.readouterr().out
    assert "as judged" in out and "without the biases" not in out


def test_sections_of_a_card() -> None:
    text = "\n".join(sections({"bias": told(2), "ranking": {"raw": ranking()}}))
    assert "## What sways the teachers\n\nScores that" in text
    assert "| figure | sim-teacher-0 | sim-teacher-1 |" in text
    assert "| for standing first | 1.00 [" in text
    assert "- silent: none of its judgments could be read" in text
    assert "| sim-teacher-0 / sim-teacher-1 | 0." in text
    assert "## The models' strength, as judged" in text
    assert list(sections({})) == []
