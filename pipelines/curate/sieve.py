"""Filters one after the other over rows that come in passes; of the rows, only numbers are kept in memory.

A filter that looks at one row is asked as the row goes by on its way to the next filter that has to see all of them, so
that it is asked once; what has been dropped does not go by again.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from ...curation.filters import AnswerSetFilter, ExampleSetFilter, Filter, Selection, TaskSetFilter
from ...schemas.rows import Example, Loss, Task
from ..overview import acts_on
from ..selecting import EXAMPLE, TASK
from .curation import DROPPED, FLAGGED, Curation, FilterCount
from .objections import KEPT, STAGES, Judge, Objection, of_answer, one_at_a_time
from .places import Places, placed
from .rows import Rows, Unit
from .task_answers import TaskAnswers

Note = Callable[[str, dict[str, Any]], None]
"""Takes the name of a file of notes and a line for it."""
GONE = 1
"""In the place of a unit that is no row; filters are counted from the next number on, and 0 is kept."""


class Sieve:
    """Says which rows are kept. `done` holds the counts once it has run."""

    def __init__(self, rows: Rows, filters: Sequence[Filter], note: Note) -> None:
        self._rows, self._filters, self._note = rows, filters, note
        self._by = array("H")
        """For each unit 0, `GONE`, or what dropped it."""
        self._places = Places()
        self._waiting: list[tuple[int, Judge]] = []
        """Numbers of the filters that the next pass asks."""
        self._asked = 0
        """Units that those filters have been asked about."""
        self._read = False
        """Whether all units have gone by once."""
        counts = [FilterCount(plugin.plugin_name(), acts_on(type(plugin))) for plugin in filters]
        self.done = Curation("tasks" if rows.format is None else rows.format.plugin_name(), counts)

    def run(self) -> None:
        """Have every filter look at what those before it have kept."""
        for number, plugin in enumerate(self._filters):
            if isinstance(plugin, TaskSetFilter):
                self._chosen(number, plugin.choose(self._tasks()), self._places.task)
            elif isinstance(plugin, ExampleSetFilter):
                self._finish_pass()
                self._chosen(number, plugin.choose(self._examples), self._places.key)
            elif isinstance(plugin, AnswerSetFilter):
                self._by_task(number, plugin)
            else:
                self._waiting.append((number, one_at_a_time(plugin)))
        self._finish_pass()
        self.done.count.kept = self._by.count(0)
        self.done.check()

    def kept_places(self, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each place in a file whether it is kept, shape (places,)."""
        kept: np.ndarray[Any, np.dtype[np.bool_]] = np.frombuffer(self._by, np.uint16) == 0
        return kept[np.frombuffer(self._rows.owners[name], np.uint32)]

    def _kept(self) -> Iterator[tuple[int, Task | Example]]:
        """Every unit that is kept so far; the filters that wait are asked about it, where they have not been."""
        for number, unit in enumerate(self._rows.read()):
            if number == len(self._by):
                self._enter(unit)
            row = unit.row
            if self._by[number] or isinstance(row, Loss):
                continue
            if number >= self._asked:
                self._asked = number + 1
                if any(self._settled(asked, number, judge(row)) for asked, judge in self._waiting):
                    continue
            yield number, row
        self._asked, self._read = len(self._by), True

    def _enter(self, unit: Unit) -> None:
        """A unit that is seen for the first time."""
        count = self.done.count
        count.entered += 1
        self._by.append(GONE if isinstance(unit.row, Loss) else 0)
        self._places.add(unit)
        if isinstance(unit.row, Loss):
            count.lose(unit.row)
            self._note(DROPPED, unit.row.record())

    def _settled(self, number: int, unit: int, said: Objection) -> bool:
        """Count and note what a filter says of a unit; whether it drops it."""
        count = self.done.filters[number]
        count.entered += 1
        place = self._places.of(unit)
        if said.flagged is not None:
            count.flagged += 1
            kind = TASK if isinstance(self._filters[number], TaskSetFilter) else EXAMPLE
            self._note(FLAGGED, {"row_id": place, "kind": kind, "by": count.name, "detail": said.flagged})
        if said.dropped is None:
            count.kept += 1
            count.unasked += said.unasked
            return False
        count.dropped += 1
        self._by[unit] = GONE + 1 + number
        loss = Loss(
            stage=STAGES[count.acts_on],
            status="dropped",
            row_id=place,
            task_id=self._places.task(unit),
            by=count.name,
            reason=count.name,
            detail=said.dropped,
        )
        self.done.count.lose(loss)
        self._note(DROPPED, loss.record())
        return True

    def _finish_pass(self) -> None:
        """Ask the filters that wait about the rows that have not gone by."""
        if not self._read or (self._waiting and self._asked < len(self._by)):
            for _ in self._kept():
                pass
        self._waiting, self._asked = [], 0

    def _tasks(self) -> Iterator[Task]:
        """Each task once."""
        seen: set[int] = set()
        for _, row in self._kept():
            task = _task_of(row)
            if (content := int(task.id, 16)) not in seen:
                seen.add(content)
                yield task

    def _examples(self) -> Iterator[Example]:
        return (row for _, row in self._kept() if isinstance(row, Example))

    def _chosen(self, number: int, chosen: Selection, key: Callable[[int], str]) -> None:
        """Settle what a filter of a set has decided; `key`: number of a unit -> the id by which it is chosen."""
        self._finish_pass()
        self.done.filters[number].told = chosen.told
        named = self._places.named_in((*chosen.dropped.values(), *chosen.flagged.values()))
        for unit, by in enumerate(self._by):
            if not by:
                dropped, flagged = (decided.get(key(unit)) for decided in (chosen.dropped, chosen.flagged))
                self._settled(
                    number, unit, Objection(dropped and placed(dropped, named), flagged and placed(flagged, named))
                )

    def _by_task(self, number: int, plugin: AnswerSetFilter) -> None:
        """Rows of one task that follow each other are seen together, each answer once."""
        for _, group in groupby(self._kept(), key=lambda one: _task_id(one[1])):
            rows = [(unit, row) for unit, row in group if isinstance(row, Example)]
            answers = TaskAnswers()
            for unit, row in rows:
                answers.add(row, self._places.of(unit))
            lost = plugin.drop(rows[0][1].task, answers.each)
            for unit, row in rows:
                own = answers.of(row)
                found = next((answer for answer in own if answer.id in lost), None)
                if found is None:
                    self._settled(number, unit, KEPT)
                    continue
                here = dict.fromkeys((answer.id for answer in own), self._places.of(unit))
                self._settled(number, unit, Objection(of_answer(found, placed(lost[found.id], answers.named | here))))
        self._waiting, self._asked = [], 0


def _task_of(row: Task | Example) -> Task:
    return row if isinstance(row, Task) else row.task


def _task_id(row: Task | Example) -> str:
    return _task_of(row).id
