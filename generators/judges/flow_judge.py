"""Flow-Judge's judge: feedback on one answer under a rubric, then a whole score on the rubric's own scale.

Prompt and reader are in `schemas/flow_judge_prompt.py` (source: flow-judge's `prompt_formatter.py`), because the format
that exports the grades is bound to the same characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...schemas.chat_text import question_text
from ...schemas.errors import Unaskable, Unreadable
from ...schemas.flow_judge_prompt import SCALES, inputs_of, read_judgment, scale_of, user_message
from ...schemas.rows import Answer, Message, Task
from . import Reading
from ._layout import Laid


class FlowJudge(Laid):
    """One answer under a rubric with the levels 0-1, 1-3 or 1-5, feedback first."""

    single: ClassVar[bool] = True

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A user message; the reference, where it is shown, is the input `reference_answer`.

        Raises `Unaskable` for a task without a rubric on one of the three scales, `ValueError` for other than one
        answer, an answer without text, or a reference that is to be shown and does not exist.
        """
        if with_reference and task.reference is None:
            raise ValueError(f"task {task.id} has no reference to show")
        (answer,) = answers
        if answer.text is None:
            raise ValueError(f"answer {answer.id} of {answer.model} failed and cannot be shown")
        rubric = task.rubric
        if rubric is None or scale_of(rubric) is None:
            levels = ", ".join(str(level.score) for level in rubric.levels) if rubric else ""
            known = "; ".join(", ".join(map(str, scale)) for scale in SCALES)
            raise Unaskable(f"Flow-Judge needs a rubric with the levels {known} (got {levels or 'none'})")
        inputs = inputs_of(question_text(task), task.reference.text if with_reference and task.reference else None)
        content = user_message(inputs, answer.text, rubric, shared_first=self.shared_first)
        return (Message(role="user", content=content),)

    def read(self, reply: str, answers: int) -> Reading:
        """Score and feedback of a reply; see `read_judgment`. Any score from 0 to 5: a reply does not say its scale."""
        if answers != 1:
            raise ValueError(f"Flow-Judge judges one answer (got {answers})")
        score, feedback = read_judgment(reply)
        return Reading((float(score),), feedback)

    def read_for(self, task: Task, replies: Sequence[str], answers: int) -> Reading:
        """The reading of a reply about this task. Raises `Unreadable` also for a score that its rubric lacks."""
        reading = self.read_all(replies, answers)
        scale = scale_of(task.rubric) or ()
        if reading.scores[0] not in scale:
            raise Unreadable(f"expected a score of {', '.join(map(str, scale))}, got {reading.scores[0]:g}")
        return reading
