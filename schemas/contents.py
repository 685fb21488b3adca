"""What an Example holds beside its instruction and its answers' texts, by name: the terms in which formats say what
they carry, and in which `prefmill convert` and the exports count what is lost."""

from __future__ import annotations

from typing import Literal

from .rows import Answer, Example, Grade, Judgment, Task
from .sampling import Sampling

Content = Literal[
    "source_id",  # the id the source gives
    "system_prompt",
    "earlier_turns",  # a chat of several turns, as such
    "category",
    "licence",
    "reference",  # the text of the reference answer
    "reference_model",  # who wrote it, and its kind
    "criteria",  # the rubric's criterion
    "levels",  # what each score of the rubric means
    "models",  # names of the answering models
    "sampling",  # how the answers were drawn
    "finish_reason",
    "winner",
    "order",  # which answer came first in the comparison
    "margin",
    "scores",  # a teacher's scores
    "rationale",  # a teacher's explanation
    "aspects",  # scores under named criteria
    "teacher",  # who judged
    "several_judgments",  # other orders, other teachers, without and with the reference
    "consistency",  # whether both orders agree
    "grades",
    "feedback",
    "reviews",  # what people said
    "strength",  # how much better people found it
    "comment",  # what people wrote
    "usage",  # tokens and costs
    "simulated",  # that it comes from the simulated world
]
_UNKNOWN = Sampling()


def contents_of(example: Example) -> frozenset[Content]:
    """What this example holds."""
    held = _of_task(example.task) | _of_answers(example.answers) | _of_judgments(example.judgments)
    held |= _of_grades(example.grades)
    reviews, verdict = example.reviews, example.verdict
    asked: tuple[Answer | Judgment | Grade, ...] = (*example.answers, *example.judgments, *example.grades)
    found: dict[Content, bool] = {
        "winner": verdict is not None,
        "order": example.comparison is not None,
        "margin": verdict is not None and verdict.margin is not None,
        "consistency": verdict is not None and verdict.consistent is not None,
        "reviews": bool(reviews),
        "strength": any(review.strength is not None for review in reviews),
        "comment": any(review.comment for review in reviews),
        "usage": any(row.usage.calls for row in asked),
        "simulated": example.simulated,
    }
    return held | _true(found)


def _of_task(task: Task) -> frozenset[Content]:
    reference, rubric = task.reference, task.rubric
    return _true(
        {
            "source_id": task.source_id is not None,
            "system_prompt": task.system is not None,
            "earlier_turns": len(task.turns) > 1,
            "category": task.category is not None,
            "licence": task.licence is not None,
            "reference": reference is not None,
            "reference_model": reference is not None and (reference.model is not None or reference.origin != "gold"),
            "criteria": rubric is not None,
            "levels": rubric is not None and bool(rubric.levels),
        }
    )


def _of_answers(answers: tuple[Answer, ...]) -> frozenset[Content]:
    return _true(
        {
            "models": any(answer.model != "unknown" for answer in answers),
            "sampling": any(answer.sampling != _UNKNOWN for answer in answers),
            "finish_reason": any(answer.finish_reason is not None for answer in answers),
        }
    )


def _of_judgments(judgments: tuple[Judgment, ...]) -> frozenset[Content]:
    return _true(
        {
            "scores": bool(judgments),
            "rationale": any(judgment.rationale for judgment in judgments),
            "aspects": any(judgment.aspects for judgment in judgments),
            "teacher": any(judgment.teacher != "unknown" for judgment in judgments),
            "several_judgments": len(judgments) > 1,
        }
    )


def _of_grades(grades: tuple[Grade, ...]) -> frozenset[Content]:
    return _true(
        {
            "grades": bool(grades),
            "feedback": any(grade.feedback for grade in grades),
            "teacher": any(grade.teacher != "unknown" for grade in grades),
        }
    )


def _true(found: dict[Content, bool]) -> frozenset[Content]:
    return frozenset(name for name, there in found.items() if there)
