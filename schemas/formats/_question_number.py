"""Ids of questions that must be whole numbers, as MT-Bench's are."""

from __future__ import annotations

from ..rows import Task

LEAST, LIMIT = 2**31, 2**53
"""Numbers made here are from `LEAST` to below `LIMIT`: beyond what sources count up to, and exact as a double."""


def question_number(task: Task) -> int:
    """The source's own id where it is a whole number below `LIMIT`, else one made from the task's content."""
    own = task.source_id or ""
    if own.isascii() and own.isdecimal() and str(int(own)) == own and int(own) < LIMIT:
        return int(own)
    return number_of(task.id)


def number_of(id: str) -> int:
    """A number made from a row's id."""
    return LEAST + int(id, 16) % (LIMIT - LEAST)
