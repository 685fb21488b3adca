"""Personal data in answers: e-mail addresses, telephone, account and card numbers."""

from __future__ import annotations

from ...schemas.rows import Answer, Task
from . import AnswerFilter
from ._personal import Sought


class AnswerPii(Sought, AnswerFilter):
    """Drops answers that hold somebody's personal data, whether the task gave it or the model remembered it.

    Models repeat what they were trained on, and a published answer carries it on. What is found and what is a
    placeholder is as for `task_pii`, and so is the reason. Of 7,245 answers of nine models to AlpacaEval it drops
    none: all e-mail addresses and telephone numbers in them are made up or a firm's.
    """

    def drop(self, task: Task, answer: Answer) -> str | None:
        return self.found_in(answer.text or "")
