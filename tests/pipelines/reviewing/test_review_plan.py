"""Which pairs people review: the audit uniform and nested, the queue by doubt, slices, doubles, gold; what is kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.reviewing.drawing import ENOUGH, draw
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.population import Candidate
from prefmill.pipelines.reviewing.precision import half_width
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviewing.settings import Reviewing, Sizes
from prefmill.pipelines.run import run
from prefmill.schemas.errors import UserError
from prefmill.schemas.probe import Probe
from prefmill.schemas.rows import Task, Verdict

from .people import TASKS, planned, rows, settle, write_recipe

PAIRS = 3 * TASKS


def test_the_defaults_at_this_size(directory: Path) -> None:
    told = plan(directory).as_plain()
    # 2 % of 390 labels are 8: then 50, or what there is.
    assert told["pairs"]["audit"] == told["pairs"]["disagreement"] == 50
    assert told["population"] == PAIRS
    pairs = sum(count for name, count in told["pairs"].items() if name != "gold")
    assert told["pairs"]["gold"] == -(-pairs * 3 // 100)
    assert told["labels"] == pairs + -(-pairs * 15 // 100) + told["pairs"]["gold"]
    assert told["minutes"] == round(told["labels"] * 40 / 60)
    assert told["half_width"] == pytest.approx(0.102, abs=0.002)
    audit = [row for row in planned(directory) if row.stratum == "audit"]
    assert {row.probability for row in audit} == {50 / PAIRS}
    assert all(row.probability is None for row in planned(directory) if row.stratum != "audit")
    names = [row.comparison_id for row in planned(directory)]
    assert len(set(names)) == len(names)


def test_the_same_plan_again_and_a_larger_audit_holds_the_smaller(directory: Path) -> None:
    first = plan(directory)
    text = first.path.read_bytes()
    assert plan(directory).rows == first.rows
    assert first.path.read_bytes() == text
    small = [row.comparison_id for row in first.rows if row.stratum == "audit"]
    large = [row.comparison_id for row in plan(directory, sizes={"audit": 120}).rows if row.stratum == "audit"]
    assert len(large) == 120
    assert large[:50] == small
    settle(directory, seed=9)
    other = [row.comparison_id for row in plan(directory).rows if row.stratum == "audit"]
    assert len(set(other) & set(small)) < 25  # 6.4 are expected


def test_the_queue_holds_the_least_sure(directory: Path) -> None:
    found = plan(directory).rows
    verdicts = {verdict.comparison_id: verdict for verdict in rows(directory, Verdict)}

    def doubt(name: str) -> tuple[bool, float]:
        return verdicts[name].consistent is not False, abs(verdicts[name].margin or 0)

    queue = [row.comparison_id for row in found if row.stratum == "disagreement"]
    audit = {row.comparison_id for row in found if row.stratum == "audit"}
    left = [name for name in verdicts if name not in audit and name not in queue]
    assert [doubt(name) for name in queue] == sorted(doubt(name) for name in queue)
    assert max(map(doubt, queue)) <= min(map(doubt, left))


def test_a_thin_category_gets_pairs(directory: Path) -> None:
    found = plan(directory, sizes={"disagreement": 0, "slices": 30}).rows
    maths = {task.id for task in rows(directory, Task) if task.category == "maths"}
    assert len(maths) == 8
    thin = [row for row in found if row.stratum == "slices"]
    of_maths = sum(row.task_id in maths for row in found if row.stratum in ("audit", "slices"))
    assert of_maths > 12
    assert 0 < len(thin) <= 30
    assert plan(directory, sizes={"disagreement": 0, "slices": 0}).as_plain()["pairs"]["slices"] == 0


def candidates(count: int) -> list[Candidate]:
    return [Candidate(f"c{n}", f"t{n}", (0.5, True, float(n)), ("models a and b",)) for n in range(count)]


def test_the_share_and_the_limits() -> None:
    def sizes(count: int, **fields: float) -> Counter[str]:
        settings = Reviewing(sample=Sizes.model_validate(fields))
        return Counter(row.stratum for row in draw(candidates(count), {}, settings, 0))

    assert sizes(30) == {"audit": 30}
    assert sizes(6000) == {"audit": 120, "disagreement": 120}
    assert sizes(30_000) == {"audit": 400, "disagreement": 200}
    assert sizes(30_000, audit=100, share=1, disagreement=0) == {"audit": 100}
    # Twenty pairs drawn at random are too few of the only slice.
    assert sizes(1000, audit=20, disagreement=0)["slices"] == ENOUGH - 20


def test_each_pair_is_drawn_as_often_as_the_others() -> None:
    settings = Reviewing(sample=Sizes(audit=10, disagreement=0, slices=0))
    drawn = Counter(row.comparison_id for seed in range(2000) for row in draw(candidates(40), {}, settings, seed))
    expected, deviation = 500, (2000 * 0.25 * 0.75) ** 0.5
    assert len(drawn) == 40
    assert all(abs(count - expected) < 4 * deviation for count in drawn.values())


def test_gold_pairs_are_refusals_and_cut_answers(directory: Path) -> None:
    settle(directory, gold=0.5)
    probes = {probe.comparison.id: probe for probe in rows(directory, Probe)}
    found = [row for row in plan(directory).rows if row.stratum == "gold"]
    assert len(found) == sum(probe.kind in ("refusal", "truncated") for probe in probes.values()) > 10
    for row in found:
        probe = probes[row.comparison_id]
        assert probe.altered == {"first": 1, "second": 0}[row.right or ""]
        assert row.annotators == 1


def test_a_plan_that_is_handed_out_is_kept(directory: Path) -> None:
    first = plan(directory)
    push(directory)
    settle(directory, seed=9)
    kept = plan(directory)
    assert (kept.rows, kept.another) == (first.rows, True)
    with pytest.raises(UserError, match=r"rest on this plan\. `--again` draws another"):
        plan(directory, sizes={"audit": 60})
    other = plan(directory, again=True)
    assert (other.another, other.rows != first.rows) == (False, True)


def test_what_cannot_be_planned(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run here"):
        plan(tmp_path / "none")
    path = write_recipe(tmp_path, filters=[{"filter": "confident", "accuracy": 0.8}], probes=None)
    run(read_recipe(path, limit=4), tmp_path / "run")
    with pytest.raises(UserError, match=r"no kept labels of pairs to review\. `review: {sample: {of: judged}}` draws"):
        plan(tmp_path / "run")
    settle(tmp_path / "run", sample={"of": "judged"})
    assert plan(tmp_path / "run").population == 12


def test_half_widths() -> None:
    assert half_width(0, 100) == 0.5
    assert half_width(100, 100) == 0
    # Wilson at 0.8 of 400: 0.0391; of 20,000 rows 98 % are left to chance.
    assert half_width(400, 10**9) == pytest.approx(0.0391, abs=5e-4)
    assert half_width(400, 20_000) == pytest.approx(0.0391 * 0.98**0.5, abs=5e-4)
