"""Personal data in tasks: e-mail addresses, telephone, account and card numbers."""

from __future__ import annotations

from ...schemas.rows import Task
from . import TaskFilter
from ._personal import Sought


class TaskPii(Sought, TaskFilter):
    """Drops tasks that hold somebody's personal data, in any message or in the reference.

    What people typed into a chat stays in a published data set for good, and answering models repeat it. Placeholders
    are kept: `john.doe@example.com`, 555-0123, 127.0.0.1, test cards. Names and postal addresses are not looked for.
    The reason tells the kind and the place and does not repeat what was found; the task itself stays in the run's own
    folder, in `1-tasks/`, which is not what is published. Of the 805 AlpacaEval instructions it drops one, rightly: a
    realtor's telephone number.
    """

    def drop(self, task: Task) -> str | None:
        texts = [message.content for message in task.messages]
        texts += [task.reference.text] if task.reference is not None else []
        return next((found for text in texts if (found := self.found_in(text)) is not None), None)
