"""Prometheus' absolute grading: one answer, a rubric with five levels, feedback, then a score from 1 to 5.

Prompts and reader are in `schemas/prometheus_prompt.py` (arXiv 2310.08491, 2405.01535), because the format that exports
the grades is bound to the same characters. The system prompt is a message of its own, as the package sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...schemas.chat_text import question_text
from ...schemas.errors import Unaskable
from ...schemas.prometheus_prompt import (
    ABSOLUTE_SYSTEM,
    LEVELS,
    Version,
    absolute_prompt,
    absolute_shows_reference,
    read_score,
)
from ...schemas.rows import Answer, Message, Task
from . import Reading
from ._layout import Laid
from ._prometheus_shown import answer_text, reference_text


class PrometheusAbsolute(Laid):
    """One answer at a time under the task's rubric, scored from 1 to 5, feedback first."""

    single: ClassVar[bool] = True

    template: Version = "package-dcfb442"
    """Which published prompt to ask with: `package-dcfb442`, `package-0.1.20` (the same for one answer), `training` or
    `evaluation`, which shows no reference."""

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message; a system prompt and earlier turns are part of the instruction (`chat_text`).

        Raises `Unaskable` for a task without a rubric of levels 1 to 5, or with a reference that is to be shown where
        the template has no place for one; `ValueError` for other than one answer, an answer without text, or a
        reference that is to be shown and does not exist.
        """
        if len(answers) != 1:
            raise ValueError(f"Prometheus grades one response at a time (got {len(answers)})")
        if task.rubric is None:
            raise Unaskable("the task has no rubric")
        if (scores := tuple(level.score for level in task.rubric.levels)) != LEVELS:
            raise Unaskable(f"the task's rubric needs a description for each score from 1 to 5 (got {list(scores)})")
        reference = reference_text(task, with_reference)
        if reference is not None and not absolute_shows_reference(self.template):
            raise Unaskable(f"the template {self.template!r} shows no reference; set `reference: never`")
        prompt = absolute_prompt(
            self.template,
            question_text(task),
            answer_text(answers[0]),
            task.rubric,
            reference,
            shared_first=self.shared_first,
        )
        return Message(role="system", content=ABSOLUTE_SYSTEM), Message(role="user", content=prompt)

    def read(self, reply: str, answers: int) -> Reading:
        """The score after `[RESULT]`, and what stands before it; see `prometheus_prompt`."""
        score, feedback = read_score(reply)
        return Reading((score,), feedback)
