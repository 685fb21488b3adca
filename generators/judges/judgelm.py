"""JudgeLM's judge: scores from 1 to 10 for all answers at once, on the first line, then the explanation.

Prompt and reader are in `schemas/judgelm_prompt.py` (source: JudgeLM's `llm_judge/common.py`), because the format that
exports the judgments is bound to the same characters. JudgeLM asks about two answers; its multi-answer prompt goes up
to nineteen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...schemas.chat_text import question_text
from ...schemas.judgelm_prompt import SYSTEM, read_scores, user_message
from ...schemas.rows import Answer, Message, Task
from . import Reading
from ._layout import Laid


class JudgeLM(Laid):
    """Two to nineteen answers side by side, each scored from 1 to 10, scores first."""

    most_answers: ClassVar[int | None] = 19

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message; a system prompt and earlier turns are part of the question (`chat_text`).

        Raises `ValueError` for fewer than two or more than nineteen answers, an answer without text, or a reference
        that is to be shown and does not exist.
        """
        if with_reference and task.reference is None:
            raise ValueError(f"task {task.id} has no reference to show")
        reference = task.reference.text if with_reference and task.reference else None
        texts = [_text(answer) for answer in answers]
        content = user_message(question_text(task), texts, reference, shared_first=self.shared_first)
        return Message(role="system", content=SYSTEM), Message(role="user", content=content)

    def read(self, reply: str, answers: int) -> Reading:
        """Scores of the first line and the explanation after it, which may be empty; see `read_scores`."""
        scores, rationale = read_scores(reply, answers)
        return Reading(scores, rationale)


def _text(answer: Answer) -> str:
    if answer.text is None:
        raise ValueError(f"answer {answer.id} of {answer.model} failed and cannot be shown")
    return answer.text
