"""Exact duplicates: tasks whose texts are the same once case, spaces and punctuation are set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice

from ...schemas.row import digest
from ...schemas.rows import Task
from ..duplicates.words import normalised
from . import Selection, TaskSetFilter

_AT_ONCE = 1024
"""Tasks that are normalised together."""


class ExactDuplicates(TaskSetFilter):
    """Drops tasks that ask the same as an earlier one: every message, the roles and the rubric.

    Sources already drop tasks that are the same to the byte. Here texts are compared word by word, folded as
    `curation/duplicates/words.py` says: `What's a pulsar?` and `what’s a  PULSAR` are one, `3 * 4` and `3 / 4` are two.
    Reference and category do not count; the first in the order of the source stays.
    """

    def choose(self, tasks: Iterable[Task]) -> Selection:
        first: dict[bytes, str] = {}
        dropped: dict[str, str] = {}
        count = 0
        for task, content in _contents(tasks):
            count += 1
            kept = first.setdefault(content, task.id)
            # A source may hold a task twice, with one id; dropping that id would drop both.
            if kept != task.id:
                dropped[task.id] = f"same text as {kept}"
        return Selection(dropped=dropped, told={"tasks": count, "dropped": len(dropped)})


def _contents(tasks: Iterable[Task]) -> Iterator[tuple[Task, bytes]]:
    """Each task, and 16 bytes that stand for what it asks."""
    tasks = iter(tasks)
    while some := list(islice(tasks, _AT_ONCE)):
        texts = iter(normalised([message.content for task in some for message in task.messages]))
        for task in some:
            asked = blake2b(digest_size=16)
            for message in task.messages:
                text = next(texts).encode("utf-8", "surrogatepass")
                asked.update(b"%s %d " % (message.role.encode(), len(text)) + text)
            if task.rubric is not None:
                asked.update(digest(task.rubric).encode())
            yield task, asked.digest()
