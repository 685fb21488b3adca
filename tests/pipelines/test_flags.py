"""`flagged.jsonl`: what filters say of a row comes back whole, whatever characters it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefmill.pipelines.rundir import RunDirectory
from prefmill.pipelines.selecting import EXAMPLE, TASK, flagged_comparisons, select
from prefmill.pipelines.waterfall import Waterfall
from prefmill.schemas.rows import Verdict

from .report.handmade import handmade


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_detail_may_hold_what_ends_lines_elsewhere(end: str, tmp_path: Path) -> None:
    place = RunDirectory(handmade(tmp_path))
    verdict = place.rows(Verdict, 0)[0]
    of_task = {"row_id": verdict.task_id, "kind": TASK, "by": "one", "detail": f"see{end}there"}
    of_label = {"row_id": verdict.id, "kind": EXAMPLE, "by": "other", "detail": f"and{end}here{end}"}
    place.write_flags([of_task, of_label])
    assert flagged_comparisons(place) == {verdict.comparison_id}
    select(place, (), Waterfall(), {})
    assert json.loads(place.flagged.read_text(encoding="utf-8")) == of_task
