"""MT-Bench's pairwise judge: which of two answers is better, or a tie.

Source: MT-Bench (arXiv 2306.05685, section 3.1). Prompts in `schemas/mt_bench_prompt.py` (templates `pair-v2`,
`pair-math-v1` with a reference, and their two-turn forms), reader in `schemas/mt_bench_reply.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ...schemas.mt_bench_prompt import prompt
from ...schemas.mt_bench_reply import read_verdict
from ...schemas.rows import Answer, Message, Task
from . import Judge, Reading
from ._showing import reference_of, text_of

_SCORES = {"A": (1.0, 0.0), "B": (0.0, 1.0), "C": (0.5, 0.5)}


class MTBenchPair(Judge):
    """Two answers, a verdict: 1 for the better one and 0 for the other, one half each for a tie."""

    most_answers: ClassVar[int | None] = 2

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message; two answers.

        Raises `Unaskable` for a chat of more than two turns, and `ValueError` for another number of answers, one
        without text, or a reference that is to be shown and does not exist.
        """
        if len(answers) != 2:
            raise ValueError(f"MT-Bench's pairwise prompts show two answers (got {len(answers)})")
        asked = prompt(task, [text_of(answer) for answer in answers], reference_of(task, with_reference))
        return Message(role="system", content=asked.system), Message(role="user", content=asked.user)

    def read(self, reply: str, answers: int) -> Reading:
        """The mark at the end of the reply, and the explanation before it."""
        letter, explanation = read_verdict(reply)
        return Reading(_SCORES[letter], explanation)
