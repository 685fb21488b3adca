"""Secrets in answers: keys, tokens and passwords that open somebody's account."""

from __future__ import annotations

from ...schemas.rows import Answer, Task
from ..texts.secrets import secrets
from . import AnswerFilter


class AnswerSecrets(AnswerFilter):
    """Drops answers that hold a key, a token or a password, whether the task gave it or the model remembered it.

    What is found and what is a placeholder is as for `task_secrets`, and so is the reason. Of 7,245 answers of nine
    models to AlpacaEval it drops none; none holds a key, two hold `YOUR_BOT_TOKEN`.
    """

    def drop(self, task: Task, answer: Answer) -> str | None:
        return next((place.told(kind) for kind, place in secrets(answer.text or "")), None)
