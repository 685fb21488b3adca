"""Extra columns of Prometheus' files: what regroups rows, and who answered and judged. Consumers ignore them.

The published sets have none of it, so their rows cannot be put back into the grid of rubrics and instructions.
"""

from __future__ import annotations

from ..chat_text import question_text
from ..row import digest
from ..rows import Task
from . import Record
from ._lines import Line

SHARED = ("instruction_id", "rubric_id", "source_id", "teacher")


def shared_columns(task: Task, teacher: str) -> Record:
    """The columns `SHARED`. The first two are the same wherever the same instruction or criterion stands, in both
    collections."""
    return {
        "instruction_id": digest("instruction", question_text(task)),
        "rubric_id": digest("rubric", task.rubric.criteria if task.rubric else ""),
        "source_id": task.source_id or "",
        "teacher": teacher,
    }


def source_id(line: Line) -> str | None:
    """The source's id, where the row has one."""
    return (line.text("source_id") or None) if line.has("source_id") else None


def name(line: Line, key: str) -> str:
    """A model's name, `unknown` where the row has none."""
    return (line.text(key) or "unknown") if line.has(key) else "unknown"
