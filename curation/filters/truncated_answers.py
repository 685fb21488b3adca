"""Truncated answers: replies that the endpoint cut off at the token limit."""

from __future__ import annotations

from ...schemas.rows import Answer, Task
from . import AnswerFilter


class TruncatedAnswers(AnswerFilter):
    """Drops answers whose finish reason is `length` (OpenAI API reference, `finish_reason`; vLLM says the same).

    A cut answer loses for a reason that lies in `max_tokens`, not in the model. Only the endpoint's own word counts:
    texts that merely end without a full stop are kept, and so are recorded answers that do not say how they ended.
    """

    def drop(self, task: Task, answer: Answer) -> str | None:
        if answer.finish_reason != "length":
            return None
        return f"cut off at the token limit, {answer.usage.completion_tokens} tokens"
