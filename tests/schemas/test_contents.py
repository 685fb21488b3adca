"""What an example holds, by name: each name is found where the thing is, and nowhere else."""

from __future__ import annotations

from typing import get_args

import pytest

from prefmill.schemas.contents import Content, contents_of
from prefmill.schemas.row import Usage
from prefmill.schemas.rows import (
    Answer,
    Aspect,
    Comparison,
    Example,
    Grade,
    Judgment,
    Message,
    Reference,
    Review,
    Task,
    Verdict,
)
from prefmill.schemas.rubric import Level, Rubric
from prefmill.schemas.sampling import Sampling

TASK = Task(messages=(Message(role="user", content="How many moons has Mars?"),))
ANSWERS = tuple(Answer(task_id=TASK.id, model="unknown", text=text) for text in ("Two.", "None."))
COMPARISON = Comparison(
    task_id=TASK.id, answer_ids=tuple(answer.id for answer in ANSWERS), models=("unknown", "unknown")
)
VERDICT = Verdict(comparison_id=COMPARISON.id, task_id=TASK.id, protocol="p", judgment_ids=(), winner="first")
JUDGMENT = Judgment(
    comparison_id=COMPARISON.id, task_id=TASK.id, teacher="unknown", judge="j", shown=(0, 1), scores=(9, 2)
)
GRADE = Grade(answer_id=ANSWERS[0].id, task_id=TASK.id, teacher="unknown", judge="j", score=4)
REVIEW = Review(comparison_id=COMPARISON.id, task_id=TASK.id, annotator="ada", winner="first")
RUBRIC = Rubric(criteria="Is it right?", levels=(Level(score=1, description="no"), Level(score=2, description="yes")))
LONE = Example(index=0, task=TASK, answers=ANSWERS[:1])
PAIR = Example(index=0, task=TASK, answers=ANSWERS, comparison=COMPARISON)


def with_task(**change: object) -> Example:
    return LONE.model_copy(update={"task": TASK.model_copy(update=change)})


def with_answer(**change: object) -> Example:
    return LONE.model_copy(update={"answers": (ANSWERS[0].model_copy(update=change),)})


def judged(*changes: dict[str, object]) -> Example:
    return PAIR.model_copy(update={"judgments": tuple(JUDGMENT.model_copy(update=change) for change in changes)})


def concluded(**change: object) -> Example:
    return PAIR.model_copy(update={"verdict": VERDICT.model_copy(update=change)})


def graded(**change: object) -> Example:
    return LONE.model_copy(update={"grades": (GRADE.model_copy(update=change),)})


def reviewed(**change: object) -> Example:
    return PAIR.model_copy(update={"reviews": (REVIEW.model_copy(update=change),)})


QUESTION = TASK.messages[0]
HELD: list[tuple[Example, set[Content]]] = [
    (LONE, set()),
    (PAIR, {"order"}),
    (with_task(source_id="1"), {"source_id"}),
    (with_task(messages=(Message(role="system", content="Be brief."), QUESTION)), {"system_prompt"}),
    (with_task(messages=(QUESTION, Message(role="assistant", content="Two."), QUESTION)), {"earlier_turns"}),
    (with_task(category="space"), {"category"}),
    (with_task(licence="MIT"), {"licence"}),
    (with_task(reference=Reference(text="Two.")), {"reference"}),
    (with_task(reference=Reference(text="Two.", model="m")), {"reference", "reference_model"}),
    (with_task(reference=Reference(text="Two.", origin="retrieved")), {"reference", "reference_model"}),
    (with_task(rubric=Rubric(criteria="Is it right?")), {"criteria"}),
    (with_task(rubric=RUBRIC), {"criteria", "levels"}),
    (with_answer(model="m"), {"models"}),
    (with_answer(sampling=Sampling(temperature=0)), {"sampling"}),
    (with_answer(finish_reason="stop"), {"finish_reason"}),
    (with_answer(usage=Usage(calls=1)), {"usage"}),
    (with_answer(origin="simulated"), {"simulated"}),
    (judged({}), {"order", "scores"}),
    (judged({"rationale": "Right."}), {"order", "scores", "rationale"}),
    (judged({"aspects": (Aspect(criterion="c", scores=(1, 2)),)}), {"order", "scores", "aspects"}),
    (judged({"teacher": "t"}), {"order", "scores", "teacher"}),
    (judged({}, {"shown": (1, 0)}), {"order", "scores", "several_judgments"}),
    (judged({"usage": Usage(calls=1), "origin": "simulated"}), {"order", "scores", "usage", "simulated"}),
    (concluded(), {"order", "winner"}),
    (concluded(margin=0.0), {"order", "winner", "margin"}),
    (concluded(consistent=False), {"order", "winner", "consistency"}),
    (graded(), {"grades"}),
    (graded(feedback="Right.", teacher="t"), {"grades", "feedback", "teacher"}),
    (reviewed(), {"order", "reviews"}),
    (reviewed(strength=0.0), {"order", "reviews", "strength"}),
    (reviewed(comment="Clear."), {"order", "reviews", "comment"}),
]


@pytest.mark.parametrize(
    ("example", "expected"), HELD, ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else ""
)
def test_what_is_there_is_named_and_nothing_else(example: Example, expected: set[Content]) -> None:
    assert contents_of(example) == expected


def test_every_name_is_found_somewhere() -> None:
    assert set().union(*(names for _, names in HELD)) == set(get_args(Content))
