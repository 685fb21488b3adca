"""What formats of single answers need of an Example: the answer, and the grade that counts."""

from __future__ import annotations

from ..errors import CannotCarry
from ..rows import Answer, Example, Grade


def graded(example: Example) -> tuple[Answer, str, Grade, float]:
    """The answer, its text, the grade that counts (the first: it was asked first) and its score.

    Raises `CannotCarry`: `not_one_answer` (a comparison), `failed_answer`, `no_grade`.
    """
    if len(example.answers) != 1:
        raise CannotCarry("not_one_answer")
    (answer,) = example.answers
    if answer.text is None:
        raise CannotCarry("failed_answer")
    for grade in example.grades:
        if grade.score is not None:
            return answer, answer.text, grade, grade.score
    raise CannotCarry("no_grade")
