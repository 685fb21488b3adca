"""Length of answers: drops those that are shorter or longer than stated."""

from __future__ import annotations

from ...schemas.rows import Answer, Task
from . import AnswerFilter
from ._length_bounds import LengthBounds


class AnswerLength(LengthBounds, AnswerFilter):
    """Drops answers whose text is shorter or longer than the bounds.

    Long answers cost judging tokens and push the other answer out of a context; and teachers prefer them for their
    length (Dubois et al., arXiv 2404.04475), which bounds do not cure: `bias` and `debias` do. There are no default
    bounds, because a good answer may be one word (`Paris`): of 7,245 answers to AlpacaEval 103 have fewer than 5 words,
    most of them to questions of one word.
    """

    def drop(self, task: Task, answer: Answer) -> str | None:
        return self.beyond(answer.text or "")
