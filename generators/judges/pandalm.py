"""PandaLM's judge: which of two responses is better, why, and a reference response.

Prompt and reader are in `schemas/pandalm_prompt.py` (source: PandaLM's `pandalm_inference.py`), because the format that
exports the judgments is bound to the same characters. The reference that the teacher writes stays in the raw reply,
where the format finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ...schemas.chat_text import question_text
from ...schemas.pandalm_prompt import FORM, SCORES, prompt, read_evaluation
from ...schemas.rows import Answer, Message, Task
from . import Judge, Reading


class PandaLM(Judge):
    """Two responses side by side; the result as scores: (1, 0), (0, 1), or (0.5, 0.5) for a tie."""

    most_answers: ClassVar[int | None] = 2

    reference: Literal["never"] = "never"
    """The prompt has no place for a reference: the teacher writes one."""
    explain: bool = True
    """Tell the teacher in a system message how to reply, which PandaLM's prompt leaves to training. False for models
    that are trained on it."""

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message, the latter PandaLM's prompt; see `pandalm_prompt.prompt`.

        Raises `ValueError` for other than two answers, an answer without text, or a reference to be shown.
        """
        if with_reference:
            raise ValueError("PandaLM's prompt has no place for a reference")
        asked = Message(role="user", content=prompt(question_text(task), [_text(answer) for answer in answers]))
        return (Message(role="system", content=FORM), asked) if self.explain else (asked,)

    def read(self, reply: str, answers: int) -> Reading:
        """The result as scores, and the reason; see `read_evaluation`."""
        if answers != 2:
            raise ValueError(f"PandaLM compares two responses (got {answers})")
        winner, reason, _ = read_evaluation(reply)
        return Reading(SCORES[winner], reason)


def _text(answer: Answer) -> str:
    if answer.text is None:
        raise ValueError(f"answer {answer.id} of {answer.model} failed and cannot be shown")
    return answer.text
