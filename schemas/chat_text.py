"""A task's chat as one text, for judges and formats that know a single question only.

A task of one user message is that message, unchanged. Anything longer (a system prompt, earlier turns) is written as
labelled paragraphs, oldest first, so that a judge sees all that the answering models saw:

    System: …

    User: …

    Assistant: …

    User: …
"""

from __future__ import annotations

from .rows import Task

_LABELS = {"system": "System", "user": "User", "assistant": "Assistant"}


def question_text(task: Task) -> str:
    """What was asked, as one text. What judges show and what formats write are these same characters."""
    if len(task.messages) == 1:
        return task.instruction
    return "\n\n".join(f"{_LABELS[message.role]}: {message.content}" for message in task.messages)
