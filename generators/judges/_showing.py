"""What judges show of a task and its answers."""

from __future__ import annotations

from ...schemas.rows import Answer, Task


def text_of(answer: Answer) -> str:
    """The text of an answer. Raises `ValueError` for one that failed."""
    if answer.text is None:
        raise ValueError(f"answer {answer.id} of {answer.model} failed and cannot be shown")
    return answer.text


def reference_of(task: Task, with_reference: bool) -> str | None:
    """The reference to show, if any. Raises `ValueError` where it is to be shown and does not exist."""
    if with_reference and task.reference is None:
        raise ValueError(f"task {task.id} has no reference to show")
    return task.reference.text if with_reference and task.reference else None
