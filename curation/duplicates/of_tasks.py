"""What of a task is compared with other tasks, and which of two that are alike is preferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from ...schemas.rows import Task
from .words import Positions

Compared = Literal["chat", "instruction"]
"""`chat`: all turns without the system prompt, which many tasks share; `instruction`: the user's last message alone."""
Preferred = Literal["first", "reference", "longest"]
"""`first` in the order of the source; `reference`: one with a reference, then the first; `longest`, in characters."""


def text_of(task: Task, compared: Compared) -> str:
    """The text that is compared."""
    return task.instruction if compared == "instruction" else "\n".join(turn.content for turn in task.turns)


class Passed:
    """Tasks that have gone by: their ids and what decides between them, but not their texts."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._lengths: list[int] = []
        self._without_reference: list[bool] = []
        self._groups: list[int] = []
        self._group: dict[object, int] = {}

    def texts(self, tasks: Iterable[Task], compared: Compared) -> Iterator[str]:
        """The text of each task, as it goes by."""
        for task in tasks:
            text = text_of(task, compared)
            self.ids.append(task.id)
            self._lengths.append(len(text))
            self._without_reference.append(task.reference is None)
            self._groups.append(self._group.setdefault(task.rubric, len(self._group)))
            yield text

    def order(self, preferred: Preferred) -> Positions:
        """Each task's place in the order of preference, shape (n,)."""
        numbers = np.arange(len(self.ids))
        by: dict[Preferred, Positions] = {
            "first": numbers,
            "reference": np.array(self._without_reference, dtype=np.int64),
            "longest": -np.array(self._lengths, dtype=np.int64),
        }
        places = np.empty(len(numbers), dtype=np.int64)
        places[np.argsort(by[preferred], kind="stable")] = numbers
        return places

    @property
    def groups(self) -> Positions:
        """The number of each task's rubric, shape (n,): a task under another rubric is another task."""
        return np.array(self._groups, dtype=np.int64)
