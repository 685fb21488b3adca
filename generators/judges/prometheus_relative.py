"""Prometheus' relative grading: two answers, the rubric's criterion, feedback, then the better one, A or B.

Prompts and reader are in `schemas/prometheus_prompt.py` (arXiv 2405.01535), because the format that exports the
judgments is bound to the same characters. There are no ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...schemas.chat_text import question_text
from ...schemas.errors import Unaskable, Unreadable
from ...schemas.prometheus_prompt import (
    RELATIVE_SYSTEM,
    Version,
    read_better,
    relative_prompt,
    relative_shows_reference,
)
from ...schemas.rows import Answer, Message, Task
from . import Reading
from ._layout import Laid
from ._prometheus_shown import answer_text, reference_text


class PrometheusRelative(Laid):
    """Two answers side by side under the task's criterion. The better one scores 1, the other 0: a rank, no quality."""

    most_answers: ClassVar[int | None] = 2

    template: Version = "package-dcfb442"
    """Which published prompt to ask with: `package-dcfb442` (asks to go straight to what the answers share and where
    they differ), `package-0.1.20`, or `training` and `evaluation`, which show no reference."""

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message; a system prompt and earlier turns are part of the instruction (`chat_text`).

        Raises `Unaskable` for a task without a rubric, other than two answers, or a reference that is to be shown where
        the template has no place for one; `ValueError` for an answer without text, or a reference that is to be shown
        and does not exist.
        """
        if len(answers) != 2:
            raise Unaskable(f"Prometheus compares two responses (got {len(answers)})")
        if task.rubric is None:
            raise Unaskable("the task has no rubric")
        reference = reference_text(task, with_reference)
        if reference is not None and not relative_shows_reference(self.template):
            raise Unaskable(f"the template {self.template!r} shows no reference; set `reference: never`")
        texts = [answer_text(answer) for answer in answers]
        prompt = relative_prompt(
            self.template,
            question_text(task),
            texts,
            task.rubric.criteria,
            reference,
            shared_first=self.shared_first,
        )
        return Message(role="system", content=RELATIVE_SYSTEM), Message(role="user", content=prompt)

    def read(self, reply: str, answers: int) -> Reading:
        """1 for the answer after `[RESULT]` and 0 for the other, and what stands before it; see `prometheus_prompt`."""
        if answers != 2:
            raise Unreadable(f"expected a reply about two responses, asked about {answers}")
        better, feedback = read_better(reply)
        return Reading((1.0, 0.0) if better == "A" else (0.0, 1.0), feedback)
