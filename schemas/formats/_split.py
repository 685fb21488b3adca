"""Which side of a train and test split a task is on."""

from __future__ import annotations

from ..chat_text import question_text
from ..row import digest
from ..rows import Task


def held_out(task: Task, share: float) -> bool:
    """Whether a task belongs to the held-out part, of which `share` is the expected size (0 to 1).

    Decided by a hash of what was asked, so it depends neither on the order of tasks nor on how many there are, and all
    rows about one question are on one side, whatever their source, reference or place in the file.
    """
    return int(digest("held_out", question_text(task)), 16) < share * 2**64
