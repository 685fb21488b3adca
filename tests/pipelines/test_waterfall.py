"""The waterfall: counts that are compared and never derived."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from prefmill.pipelines.waterfall import STAGES, StageCount, Unaccounted, Waterfall
from prefmill.schemas.rows import Loss


def loss(status: str, reason: str) -> Loss:
    return Loss.model_validate({"stage": "answers", "status": status, "row_id": "x", "reason": reason})


def test_losses_are_counted_by_reason() -> None:
    count = StageCount(entered=7, kept=2)
    for status, reason in [
        ("dropped", "refusals"),
        ("failed", "timeout"),
        ("failed", "timeout"),
        ("dropped", "timeout"),
    ]:
        count.lose(loss(status, reason))
    count.lose(loss("failed", "empty"))
    assert count.dropped == Counter(refusals=1, timeout=1)
    assert count.failed == Counter(timeout=2, empty=1)
    count.check("answers")


@pytest.mark.parametrize(("entered", "kept"), [(3, 2), (5, 2), (4, 3), (4, 1)])
def test_a_sum_that_does_not_hold_is_a_bug_with_its_numbers(entered: int, kept: int) -> None:
    fall = Waterfall()
    fall["judgments"].entered, fall["judgments"].kept = entered, kept
    fall["judgments"].lose(loss("dropped", "x"))
    fall["judgments"].lose(loss("failed", "y"))
    with pytest.raises(Unaccounted, match=f"judgments: {entered} in, but {kept} kept \\+ 1 dropped \\+ 1 failed"):
        fall.check()


def test_stages_stand_in_their_order_and_others_follow() -> None:
    fall = Waterfall()
    fall["export judgelm"].entered = 0
    assert [stage for stage, _ in fall] == [*STAGES, "export judgelm"]
    fall.check()


def test_it_goes_through_json_and_back() -> None:
    fall = Waterfall()
    fall["answers"].entered, fall["answers"].kept = 3, 1
    fall["answers"].lose(loss("dropped", "refusals"))
    fall["answers"].lose(loss("failed", "empty"))
    plain = json.loads(json.dumps(fall.as_plain()))
    assert plain["answers"] == {"in": 3, "kept": 1, "dropped": {"refusals": 1}, "failed": {"empty": 1}}
    assert Waterfall.of_plain(plain) == fall
