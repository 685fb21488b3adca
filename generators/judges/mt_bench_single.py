"""MT-Bench's single-answer judge: one answer, rated from 1 to 10.

Source: MT-Bench (arXiv 2306.05685, section 3.1). Prompts in `schemas/mt_bench_prompt.py` (templates `single-v1`,
`single-math-v1` with a reference, and their two-turn forms), reader in `schemas/mt_bench_reply.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...schemas.mt_bench_prompt import prompt
from ...schemas.mt_bench_reply import read_rating
from ...schemas.rows import Answer, Message, Task
from . import Judge, Reading
from ._showing import reference_of, text_of


class MTBenchSingle(Judge):
    """One answer at a time, rated from 1 to 10 after an explanation."""

    single: ClassVar[bool] = True

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message; one answer.

        Raises `Unaskable` for a chat of more than two turns, and `ValueError` for another number of answers, one
        without text, or a reference that is to be shown and does not exist.
        """
        if len(answers) != 1:
            raise ValueError(f"MT-Bench's single prompts show one answer (got {len(answers)})")
        asked = prompt(task, [text_of(answer) for answer in answers], reference_of(task, with_reference))
        return Message(role="system", content=asked.system), Message(role="user", content=asked.user)

    def read(self, reply: str, answers: int) -> Reading:
        """The rating at the end of the reply, and the explanation before it."""
        rating, explanation = read_rating(reply)
        return Reading((rating,), explanation)
