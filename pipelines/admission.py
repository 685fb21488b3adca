"""Which tasks of the source are gone into: the recipe's filters of tasks, in its order, before anything is paid for.

A filter that looks at one task judges it as it comes. One that looks at all of them goes through the source before the
first task is handed on, and sees what the filters before it have kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..curation.filters import Filter, Selection, TaskFilter, TaskSetFilter
from ..schemas.rows import Example, Loss, Task
from .recipe import Recipe
from .selecting import numbered

SHOWN = 160
"""Characters of a task's instruction in the reason for which it was dropped."""
Line = Task | Example | Loss
"""What stands on a line of a source."""


@dataclass
class Admission:
    """The filters of tasks, and what those of sets have decided."""

    filters: Sequence[Filter]
    _chosen: dict[int, Selection] = field(default_factory=dict)
    """Number of a filter of a set -> its decision."""

    def __post_init__(self) -> None:
        self.filters = [one for one in self.filters if isinstance(one, TaskFilter | TaskSetFilter)]

    @property
    def waits(self) -> bool:
        """Whether the whole source has to be there before the first task can be let in."""
        return any(isinstance(one, TaskSetFilter) for one in self.filters)

    def decide(self, lines: Callable[[], Iterable[Line]]) -> None:
        """Have the filters of sets look at the source, where they have not; `lines` gives it from the beginning."""
        for number, plugin in enumerate(self.filters):
            if isinstance(plugin, TaskSetFilter) and number not in self._chosen:
                self._chosen[number] = plugin.choose(self._before(number, lines()))

    def loss(self, task: Task) -> Loss | None:
        """The objection of the first filter that has one. Filters of sets have to have decided."""
        return self._objection(task, len(self.filters))

    def of(self, lines: Callable[[], Iterable[Line]]) -> Iterator[Line]:
        """The lines of a source with a loss in the place of each task that is not gone into."""
        self.decide(lines)
        return (self.checked(line) for line in lines())

    def checked(self, line: Line) -> Line:
        """A line, or the loss that takes its place."""
        if isinstance(line, Loss) or not self.filters:
            return line
        return self.loss(line.task if isinstance(line, Example) else line) or line

    def flags(self) -> Iterator[dict[str, str]]:
        """What people should look at, as lines of `flagged.jsonl`."""
        for number, chosen in self._chosen.items():
            for task_id, detail in chosen.flagged.items():
                yield {"row_id": task_id, "kind": "task", "by": self.filters[number].plugin_name(), "detail": detail}

    def told(self) -> dict[str, Any]:
        """Filter -> its figures, for the manifest."""
        shown = numbered(self.filters)
        return {shown[number]: dict(one.told) for number, one in self._chosen.items() if one.told}

    def _before(self, number: int, lines: Iterable[Line]) -> Iterator[Task]:
        """Each task once, of those to which no filter before filter `number` objects."""
        seen: set[int] = set()
        for line in lines:
            if isinstance(line, Loss):
                continue
            task = line.task if isinstance(line, Example) else line
            if (content := int(task.id, 16)) not in seen and self._objection(task, number) is None:
                seen.add(content)
                yield task

    def _objection(self, task: Task, before: int) -> Loss | None:
        for number, plugin in enumerate(self.filters[:before]):
            if isinstance(plugin, TaskSetFilter):
                found = self._chosen[number].dropped.get(task.id)
            else:
                assert isinstance(plugin, TaskFilter)
                found = plugin.drop(task)
            if found is not None:
                return _loss(task, plugin.plugin_name(), found)
        return None


def _loss(task: Task, name: str, found: str) -> Loss:
    """Its detail shows the beginning of the task, of which nothing else is kept."""
    where = task.source if task.line is None else f"{task.source}:{task.line}"
    text = " ".join(task.instruction.split())
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return Loss(
        stage="tasks",
        status="dropped",
        row_id=task.id,
        task_id=task.id,
        by=name,
        reason=name,
        detail=f"{found}; {where}: {shown}",
    )


def admitted(recipe: Recipe) -> Iterator[Task | Loss]:
    """The tasks of a recipe's source that would be gone into, with a loss in the place of each other line."""
    return (one.task if isinstance(one, Example) else one for one in Admission(recipe.filters).of(recipe.tasks.tasks))
