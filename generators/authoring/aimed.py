"""Answers that aim at a score: the prompt for an answer that deserves score k, and the recipe's `aim:` block.

Source of the method: Prometheus (arXiv 2310.08491, section 3.1: one answer for every score, all of like length, so that
a judge cannot learn to grade by length). The words are our own. There is no parser: the reply is the answer. Whether it
deserves its score is for an independent judge to say (`curation/filters/intended_score.py`). The reference answer is
not shown, so that an answer for the best score is not a copy of it.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from ...schemas.chat_text import question_text
from ...schemas.errors import Unaskable
from ...schemas.frozen import Frozen
from ...schemas.rows import Message, Task
from .rubrics import written

_ASK = """\
You write example answers by which graders are trained. The example you write now must deserve the target score under \
the rubric, no more and no less: a careful reader who knows the rubric and not the target gives it that score.

[Request]
{question}

[Rubric]
{rubric}

[Target]
Target score: {score} of {least} to {most}
{length}

Answer the request as a language model would. Where the target is not the best score, fall short in the way that the \
description of score {score} says, and in no other way. Keep to the length whatever the target: an answer with a low \
score is as long, as fluent and as sure of itself as one with a high score. Mention neither score nor rubric, and do \
not say that the answer has faults. Write plain text without headings. Reply with the answer alone."""


class Aim(Frozen):
    """Which scores answers aim at, and how long they are to be: the recipe's `aim:` block."""

    scores: tuple[int, ...] = Field((1, 2, 3, 4, 5), min_length=1)
    """Scores of the rubrics' scale; every task gets an answer for each of them."""
    words: int | None = Field(None, ge=1)
    """Words every answer is to have, about; None: as many as the task's reference answer has."""
    sentences: int | None = Field(None, ge=1)
    """Sentences every answer is to have, in place of `words`."""
    flat: bool = False
    """Publish as many answers of every score, of like length, one for each task and score (`grid.py`); what is over is
    dropped, what is missing is told in the manifest. Needs a judge that grades single answers."""

    @field_validator("scores")
    @classmethod
    def _each_once(cls, scores: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(scores)) != len(scores):
            raise ValueError("a score stands here twice")
        return scores

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.words is not None and self.sentences is not None:
            raise ValueError("give words or sentences, not both")
        return self

    def messages(self, task: Task, score: int) -> tuple[Message, ...]:
        """The messages that ask for the answer to a task that deserves a score. Raises `Unaskable` as `aim`."""
        return aim(task, score, self.words, self.sentences)


def aim(task: Task, score: int, words: int | None = None, sentences: int | None = None) -> tuple[Message, ...]:
    """The messages that ask for an answer which deserves `score` under the task's rubric.

    The length is `words` or `sentences`; without either, the number of words of the reference answer, so that it is
    the same for every score; without one, what the request calls for.

    Raises `Unaskable` for a task without a rubric or whose rubric does not say what this score means.
    """
    rubric = task.rubric
    if rubric is None:
        raise Unaskable("a task without a rubric: no answer can aim at a score of it")
    scores = [level.score for level in rubric.levels]
    if score not in scores:
        said = ", ".join(map(str, scores)) or "none"
        raise Unaskable(f"the rubric does not say what score {score} means (scores described: {said})")
    content = _ASK.format(
        question=question_text(task),
        rubric=written(rubric),
        score=score,
        least=scores[0],
        most=scores[-1],
        length=_length(task, words, sentences),
    )
    return (Message(role="user", content=content),)


def _length(task: Task, words: int | None, sentences: int | None) -> str:
    if sentences is not None:
        return f"Length: about {sentences} sentences"
    if words is None and task.reference is not None:
        words = len(task.reference.text.split())
    return "Length: what the request calls for" if words is None else f"Length: about {words} words"
