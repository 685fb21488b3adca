"""What probes cost, and that it is known beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefmill.pipelines.estimate import estimate
from prefmill.pipelines.overview import plan
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.schemas.probe import Probe
from prefmill.schemas.rows import Judgment

from .probed_runs import CHEAP, STRONG, calls, rows, teachers, write_recipe


@pytest.mark.parametrize("protocol", ["both_orders", "one_order"])
def test_a_swapped_probe_asks_what_both_orders_ask(tmp_path: Path, protocol: str) -> None:
    judge = {"judge": "judgelm", "protocol": protocol, "teachers": teachers(STRONG)}
    probes = {"first": 20, "kinds": ["swapped"]}
    plain = run(read_recipe(write_recipe(tmp_path, 15, judge=judge, probes=None)), tmp_path / "run")
    probed = run(read_recipe(write_recipe(tmp_path, 15, judge=judge, probes=probes)), tmp_path / "run")
    assert calls(probed) - calls(plain) == (0 if protocol == "both_orders" else 15)
    judgments = {one.id for one in rows(tmp_path / "run", Judgment)}
    swapped = [one for probe in rows(tmp_path / "run", Probe) for one in probe.judgments]
    assert len(swapped) == 30
    assert sum(one.id in judgments for one in swapped) == (30 if protocol == "both_orders" else 15)


@pytest.mark.parametrize("protocol", ["one_order", "both_orders"])
def test_check_counts_the_calls_that_a_run_makes(tmp_path: Path, protocol: str) -> None:
    """The simulated answers suit every kind, so that nothing falls to another one."""
    judge = {"judge": "judgelm", "protocol": protocol, "teachers": teachers(STRONG, CHEAP)}
    recipe = read_recipe(write_recipe(tmp_path, 50, judge=judge))
    planned = {(one.stage, one.model): one.calls for one in plan(recipe).calls}
    manifest = run(recipe, tmp_path / "run")
    assert {(row["stage"], row["model"]): row["calls"] for row in manifest["calls"]} == planned
    plain = plan(read_recipe(write_recipe(tmp_path, 50, judge=judge, probes=None)))
    assert planned["judgments", STRONG] - plain.calls[-1].calls > 25


def test_about_so_many_calls_are_named_where_a_pilot_decides(tmp_path: Path) -> None:
    protocol = {"protocol": "adaptive_swap", "pilot": 30}
    judge = {"judge": "judgelm", "protocol": protocol, "teachers": teachers(STRONG)}
    with_probes, without = (
        plan(read_recipe(write_recipe(tmp_path, 50, judge=judge, probes=probes))).calls[-1]
        for probes in ({"first": 20, "share": 0}, None)
    )
    assert with_probes.calls - without.calls == with_probes.expected - without.expected > 20


def test_an_estimate_adds_the_probes_that_a_run_has(tmp_path: Path) -> None:
    """The sample is smaller than the first lines that get a probe; it asks about none of them."""
    path = write_recipe(tmp_path, 200, probes={"first": 60, "share": 0.1})
    estimated = estimate(read_recipe(path), tmp_path / "run", sample=20)
    assert estimated.sent == 20 * 4
    manifest = run(read_recipe(path), tmp_path / "run")
    truth = {(row["stage"], row["model"]): row for row in manifest["calls"]}
    for line in estimated.lines:
        row = truth[line.stage, line.model]
        assert line.calls.expected == pytest.approx(row["calls"], abs=2), line.model
        assert line.prompt_tokens.expected == pytest.approx(row["prompt_tokens"], rel=0.15)
    assert truth["judgments", STRONG]["calls"] > 200 + 100
