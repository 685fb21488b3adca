"""Toxic tasks, by a classifier on disk."""

from __future__ import annotations

from ...schemas.rows import Task
from . import TaskFilter
from ._toxic import Classified


class TaskToxicity(Classified, TaskFilter):
    """Drops tasks whose turns a local classifier finds toxic. Needs `pip install 'prefmill[toxicity]'`.

    For data sets that must not hold abuse. It makes a judge worse at what it never sees: a set for judging harmless
    answers needs harmful tasks. How precise it is depends on the classifier; look at `dropped/`. There is no list of
    bad words, because such lists drop what speaks about a group and what quotes (Dodge et al., arXiv 2104.08758).
    """

    def drop(self, task: Task) -> str | None:
        return self.toxic("\n".join(turn.content for turn in task.turns))
