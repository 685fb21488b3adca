"""UltraFeedback's judge: upstream's prompts to the byte, four replies read as one, paragraphs and all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from prefmill.generators.judges import Judge
from prefmill.generators.judges.ultrafeedback import UltraFeedback, read_aspect
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.ultrafeedback_aspects import ASPECTS, TYPED, remark

GOLDEN = Path(__file__).parents[2] / "golden" / "ultrafeedback"


def _golden(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


REPLIES = _golden("replies.jsonl")
GOOD = [case for case in REPLIES if "scores" in case]
BAD = [case for case in REPLIES if "reason" in case]


def _task(question: str = "How many?", reference: str | None = None) -> Task:
    return Task(
        messages=(Message(role="user", content=question),),
        reference=None if reference is None else Reference(text=reference),
    )


def _answers(task: Task, *texts: str) -> list[Answer]:
    return [Answer(task_id=task.id, model=f"model-{number}", text=text) for number, text in enumerate(texts)]


def _replies(*ratings: tuple[str, ...]) -> list[str]:
    """A reply for each aspect, given the ratings of all answers."""
    replies = []
    for aspect, given in zip(ASPECTS, ratings, strict=True):
        types = "Type: None\nRationale: None seen.\n" if aspect in TYPED else ""
        blocks = [f"#### Output for Text {k}\n{types}Rating: {r}\nRationale: So {r}." for k, r in enumerate(given, 1)]
        replies.append("\n\n".join(blocks))
    return replies


def test_it_is_found_by_name() -> None:
    assert load(Judge, "ultrafeedback") is UltraFeedback


@pytest.mark.parametrize("case", _golden("prompts.jsonl"), ids=lambda case: f"reference {case['reference']}")
def test_prompts_have_upstreams_bytes(case: dict[str, Any]) -> None:
    """The golden prompts were filled in from UltraFeedback's own templates at bf80fd4."""
    task = _task(case["question"], case["reference"])
    parts = UltraFeedback().questions(task, _answers(task, *case["answers"]), case["reference"] is not None)
    assert [part[0].content for part in parts] == [case["system"]] * 4
    assert [part[1].content for part in parts] == case["user"]
    assert UltraFeedback().ask(task, _answers(task, *case["answers"]), case["reference"] is not None) == parts[0]


@pytest.mark.parametrize(("number", "count"), [(2, "two"), (5, "five"), (12, "12")])
def test_prompts_for_other_numbers_of_answers(number: int, count: str) -> None:
    task = _task()
    texts = [f"answer {k}" for k in range(1, number + 1)]
    for system, user in UltraFeedback().questions(task, _answers(task, *texts), False):
        assert f'{count} text outputs ("Text")' in system.content
        assert f"The {count} texts given" in system.content
        shown = user.content.rpartition("Texts:\n")[2]
        assert shown == "\n".join(f"<text {k}> {text}" for k, text in enumerate(texts, 1)) + "\n\n### Output\n"
        assert user.content.count("# Output for Text ") == number


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        UltraFeedback().questions(_task(), _answers(_task(), "a"), False)
    with pytest.raises(ValueError, match="no reference"):
        UltraFeedback().questions(_task(), _answers(_task(), "a", "b"), True)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case["reply"][:40]))
def test_good_replies_are_read(case: dict[str, Any]) -> None:
    aspect = read_aspect(case["aspect"], case["reply"], case["answers"])
    assert aspect.criterion == case["aspect"]
    assert list(aspect.scores) == case["scores"]
    assert list(aspect.feedback) == case["feedback"]


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case["reply"][:40]))
def test_other_replies_are_refused_saying_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as raised:
        read_aspect(case["aspect"], case["reply"], case["answers"])
    assert case["reason"] in str(raised.value)
    assert len(str(raised.value)) < 180


def test_the_golden_replies_are_many_of_both_kinds() -> None:
    assert len(GOOD) >= 10
    assert len(BAD) >= 25


def test_scores_are_means_without_what_does_not_apply() -> None:
    replies = _replies(("5", "1", "3"), ("N/A", "2", "3"), ("4", "1", "3"), ("4", "1", "4"))
    reading = UltraFeedback().read_all(replies, 3)
    assert reading.scores == pytest.approx((13 / 3, 1.25, 3.25))
    assert [aspect.criterion for aspect in reading.aspects] == list(ASPECTS)
    assert reading.aspects[1].scores == (None, 2.0, 3.0)
    assert remark(reading.aspects[2].feedback[0]).types == ("None",)
    assert reading.rationale.startswith("Text 1, instruction_following: So 5.\nText 2, instruction_following: So 1.")


def test_one_bad_part_makes_the_whole_unreadable() -> None:
    replies = _replies(("5", "1"), ("5", "2"), ("4", "1"), ("4", "1"))
    with pytest.raises(Unreadable, match="truthfulness, Text 2: expected a rating"):
        UltraFeedback().read_all([*replies[:2], replies[2].replace("Rating: 1", "Rating: 7"), replies[3]], 2)
    with pytest.raises(Unreadable, match="expected a rating of Text 2 under some aspect"):
        UltraFeedback().read_all(_replies(*[("5", "N/A")] * 4), 2)
    with pytest.raises(ValueError, match="shorter"):
        UltraFeedback().read_all(replies[:3], 2)
