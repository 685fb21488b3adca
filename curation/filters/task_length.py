"""Length of tasks: drops those that are shorter or longer than stated."""

from __future__ import annotations

from ...schemas.rows import Task
from ..duplicates.of_tasks import Compared, text_of
from . import TaskFilter
from ._length_bounds import LengthBounds


class TaskLength(LengthBounds, TaskFilter):
    """Drops tasks whose text is shorter or longer than the bounds.

    Of a chat whose end is all that fits into a teacher's context, the label says little; and a task of one word
    (`hi`) has no better answer. There are no default bounds: how long a task may be depends on the models.
    """

    measured: Compared = "chat"
    """`chat`: all turns, without the system prompt; `instruction`: the user's last message alone."""

    def drop(self, task: Task) -> str | None:
        return self.beyond(text_of(task, self.measured))
