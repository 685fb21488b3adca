"""What Prometheus' judges show of a task and its answers."""

from __future__ import annotations

from ...schemas.rows import Answer, Task


def reference_text(task: Task, with_reference: bool) -> str | None:
    """The reference that is to be shown. Raises `ValueError` where it does not exist."""
    if not with_reference:
        return None
    if task.reference is None:
        raise ValueError(f"task {task.id} has no reference to show")
    return task.reference.text


def answer_text(answer: Answer) -> str:
    """The answer's text. Raises `ValueError` where there is none."""
    if answer.text is None:
        raise ValueError(f"answer {answer.id} of {answer.model} failed and cannot be shown")
    return answer.text
