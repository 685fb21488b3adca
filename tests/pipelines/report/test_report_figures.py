"""The figures of a run, against what can be counted by hand and what the rows of a real run say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from prefmill.curation.agreement.share import share
from prefmill.pipelines.examples import examples
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.report.figures import figures
from prefmill.pipelines.report.histogram import Histogram
from prefmill.pipelines.report.sections import sections
from prefmill.pipelines.report.win_rates import WinRates
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import RunDirectoryError
from prefmill.schemas.rows import Judgment

from ..probed_runs import rows, write_recipe
from .handmade import handmade


def test_what_is_counted_by_hand(tmp_path: Path) -> None:
    found = figures(RunDirectory(handmade(tmp_path)))
    assert found["scores"]["strong"]["n"] == 16
    assert found["scores"]["strong"]["mean"] == pytest.approx(101 / 16)
    # As shown: 5, -4, 2, -3, 0, 0, -6, 1.
    assert found["margins"]["strong"]["n"] == 8
    assert found["margins"]["strong"]["mean"] == pytest.approx(-5 / 8)
    histogram = found["margins"]["strong"]["histogram"]
    assert (histogram["edges"][0], histogram["edges"][-1]) == (-6.5, 5.5)
    assert histogram["counts"] == [1, 0, 1, 1, 0, 0, 2, 1, 1, 0, 0, 1]
    labels = found["labels_told"]
    assert (labels["n"], labels["kept"]) == (4, 3)
    assert labels["winners"] == {"first": 2, "second": 1, "tie": 1}
    assert labels["confidence"] == {"undefined": "no calibration says how sure a label is"}
    assert found["losses"] == [
        {"stage": "verdicts", "status": "dropped", "by": "minimum_margin", "reason": "minimum_margin", "rows": 1}
    ]
    assert found["flagged"]["rows"] == 1
    assert found["caches"][0]["hit_rate"] == 0.75
    assert [one["rows"] for one in found["reliability"]["bins"]] == [120, 130]


def test_calls_latency_and_time_come_from_the_ledger(tmp_path: Path) -> None:
    found = figures(RunDirectory(handmade(tmp_path)))["usage"]
    by_model = {one["model"]: one for one in found["calls"]}
    assert by_model["oak"]["cost_usd"] == 2.5
    assert by_model["oak"]["latency_s"]["p50"] == 3
    assert by_model["oak"]["latency_s"]["p95"] == pytest.approx(np.quantile([1, 2, 3, 4, 5], 0.95))
    # Every call began at 100 s; the last ended at 105 s.
    assert (by_model["oak"]["first_s"], by_model["oak"]["last_s"], found["span_s"]) == (100, 105, 5)
    teacher = by_model["strong"]
    assert (teacher["cost_usd"], teacher["unpriced"], teacher["failed"], teacher["attempts"]) == (None, 5, 1, 6)
    assert teacher["latency_s"]["p50"] == 2.5, "a call that was given up has no latency"
    assert found["retries"] == {"timeout": 1}


def test_win_rates_are_shares_with_wilsons_interval(tmp_path: Path) -> None:
    rates = figures(RunDirectory(handmade(tmp_path)))["win_rates"]
    assert rates["models"] == ["oak", "pine"]
    forward, backward = rates["pairs"]
    assert (forward["model"], forward["value"], forward["wins"], forward["ties"], forward["n"]) == (
        "oak",
        0.625,
        2,
        1,
        4,
    )
    assert (backward["value"], backward["wins"]) == (0.375, 1)
    assert backward["low"] == pytest.approx(1 - forward["high"])
    plain = WinRates()
    for n, winner in enumerate(["first"] * 7 + ["second"] * 3):
        plain.add(("a", "b"), winner, (), f"t{n}")
    expected = share([True] * 7 + [False] * 3)
    pair = plain.plain()["pairs"][0]
    assert (pair["low"], pair["high"]) == pytest.approx((expected.low, expected.high))


def test_pairs_of_one_task_widen_the_interval() -> None:
    alone, together = WinRates(), WinRates()
    for n in range(40):
        winner = "first" if n % 20 < 12 else "second"
        alone.add(("a", "b"), winner, (), f"t{n}")
        together.add(("a", "b"), winner, (), f"t{n % 20}")
    apart, same = (found.plain()["pairs"][0] for found in (alone, together))
    assert same["value"] == apart["value"] == 0.6
    assert same["high"] - same["low"] > 1.3 * (apart["high"] - apart["low"])


def test_a_verdict_on_several_answers_is_a_pair_of_each_two() -> None:
    rates = WinRates()
    rates.add(("a", "b", "c"), None, (3, 1, 3), "t")
    found = {(pair["model"], pair["against"]): pair["value"] for pair in rates.plain()["pairs"]}
    assert found == {("a", "b"): 1, ("b", "a"): 0, ("a", "c"): 0.5, ("c", "a"): 0.5, ("b", "c"): 0, ("c", "b"): 1}
    assert WinRates().plain() == {"undefined": "no two models met"}


def test_what_is_removed_leaves_what_is_not_known(tmp_path: Path) -> None:
    left = figures(RunDirectory(handmade(tmp_path)))["bias_left"]
    assert left["strong"]["offset"] == {
        "value": 0.0,
        "low": pytest.approx(-0.2),
        "high": pytest.approx(0.2),
        "pairs": 4,
    }
    assert left["strong"]["length"] == {"undefined": "too few for minimum_margin"}
    assert "undefined" in left["strong 2"]


def test_what_there_is_nothing_of_has_its_reason(tmp_path: Path) -> None:
    place = RunDirectory(handmade(tmp_path))
    manifest = place.manifest()
    for key in ("bias", "ranking", "agreement", "calibration", "review", "filters", "engines", "stages"):
        del manifest[key]
    place.write_manifest(manifest | {"finished": False})
    place.ledger.unlink()
    place.clear()
    found = figures(place)
    for key in ("bias", "ranking", "agreement", "calibration", "review", "filters"):
        assert found[key] == {"undefined": "the run is not finished"}, key
    for key in ("usage", "labels_told", "win_rates", "bias_left", "reliability", "caches"):
        assert set(found[key]) == {"undefined"}, key
    assert (found["losses"], found["scores"]) == ([], {})
    json.dumps(found, allow_nan=False)
    written = "".join(one.html for one in sections(found))
    assert written.count("not determined") == 9, "each of them is told on the page"
    assert "<figure>" not in written


def test_a_folder_without_a_run_and_a_broken_ledger_are_told(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="no run here"):
        figures(RunDirectory(tmp_path))
    place = RunDirectory(handmade(tmp_path / "made"))
    place.ledger.write_text("no database, but as long as a header of one would be: a hundred characters, or some more.")
    with pytest.raises(RunDirectoryError, match=r"ledger\.sqlite: file is not a database"):
        figures(place)


def test_reading_changes_nothing_in_the_run(tmp_path: Path) -> None:
    directory = handmade(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    figures(RunDirectory(directory))
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


@pytest.mark.parametrize(
    ("values", "width", "first"),
    [
        ([1.0, 9.0, 9.0], 1, 0.5),
        ([0.25, 1.5], 0.25, 0.125),
        ([-4.5, 4.0], 0.5, -4.75),
        ([-8.5, 8.0], 1, -8.5),
        ([0.2, 0.4, 0.1, 0.05, 0.01], 0.05, -0.025),
        ([0.0, 1.0, 1.0], 1, -0.5),
    ],
)
def test_bins_are_centred_on_grades(values: list[float], width: float, first: float) -> None:
    histogram = Histogram()
    histogram.add(np.array([*values, np.nan]))
    found = histogram.plain("none")
    edges = found["histogram"]["edges"]
    assert (edges[1] - edges[0], edges[0]) == pytest.approx((width, first))
    assert sum(found["histogram"]["counts"]) == len(values)
    assert edges[-2] <= max(values) < edges[-1], "no bin is empty at the end"
    assert Histogram().plain("none") == {"undefined": "none"}


def test_probabilities_are_counted_in_twentieths_of_0_to_1() -> None:
    histogram = Histogram(probabilities=True)
    histogram.add(np.arange(500, 1001) / 1000)
    histogram.add(np.array([0.0, 0.15, 0.1, np.nan]))
    found = histogram.plain("none")["histogram"]
    assert found["edges"] == [number / 20 for number in range(21)]
    assert found["counts"] == [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 50, 50, 50, 50, 50, 50, 50, 50, 50, 51]


def test_wide_spreads_get_wider_bins() -> None:
    histogram = Histogram()
    histogram.add(np.arange(1000.0))
    assert len(histogram.plain("")["histogram"]["counts"]) <= 42


@pytest.mark.slow
def test_a_real_runs_figures_are_those_of_its_rows(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path, 30, filters=[{"filter": "minimum_margin", "margin": 2}]))
    manifest = run(recipe, tmp_path / "run")
    place = RunDirectory(tmp_path / "run")
    found = figures(place)
    kept = list(examples(place))
    assert found["labels_told"]["kept"] == len(kept) == manifest["stages"]["verdicts"]["kept"]
    read = [one for one in rows(place.path, Judgment) if one.scores is not None]
    assert {name: one["n"] for name, one in found["margins"].items()} == {
        name: sum(one.teacher == name for one in read) for name in {one.teacher for one in read}
    }
    for ours, theirs in zip(found["usage"]["calls"], manifest["calls"], strict=True):
        assert {key: ours[key] for key in theirs} == pytest.approx(theirs)
    assert sum(one["rows"] for one in found["losses"]) == sum(
        sum(count["dropped"].values()) + sum(count["failed"].values())
        for stage, count in manifest["stages"].items()
        if not stage.startswith("export ")
    )
