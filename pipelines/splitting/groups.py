"""Groups of near duplicates among a run's tasks, and an example's place in them.

A group is named by the hash of one of its tasks, so a task that is like no other is held out by a hash of what it asks,
as it is where nothing is known of the others (`schemas/formats/_split.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...schemas.formats._split import group_of
from ...schemas.row import digest
from ...schemas.rows import Answer, Example, Split, Task
from ..part_columns import part_columns
from ..rundir import RunDirectory, write_text
from .settings import HoldOut, Splitting

FILE = "split.json"
"""Where a run keeps its groups."""
KEY = "split"
"""Where the manifest tells of them."""


@dataclass(frozen=True, slots=True)
class Groups:
    """How a run's tasks are held out."""

    settings: Splitting
    of: Mapping[str, str]
    """Task -> its group, of tasks whose group is named by another one."""
    held_out: frozenset[str]
    """Groups that are held out by whatever share is held out at all."""
    told: Mapping[str, Any]
    """For the manifest: tasks, groups, the largest group, groups of several tasks, tasks with a held-out rubric, models
    and rubrics to be held out that are none of this run's, and, of many tasks of one template, how many pairs were not
    looked at (`Duplicates.skipped`)."""

    def place(self, example: Example) -> Split:
        """Where an example stands."""
        task, hold_out = example.task, self.settings.hold_out
        group = self.of.get(example.task_id) or group_of(task)
        never: dict[str, Any] = {}
        if any(answer.model in hold_out.models for answer in example.answers):
            never = {"never_train": "held_out_model"}
        elif _rubric_held_out(task, hold_out):
            never = {"never_train": "held_out_rubric"}
        return Split(group=group, held_out=group in self.held_out, **never)


def group(place: RunDirectory, settings: Splitting) -> None:
    """Find the groups among the tasks of a run whose parts are complete, and write them."""
    hold_out = settings.hold_out
    tasks = list(_tasks(place, hold_out))
    # A recipe whose tasks come with answers or rubrics does not know these beforehand.
    there = {known.rubric for known in tasks} | (_models(place) if hold_out.models else set())
    absent = [name for name in (*hold_out.models, *hold_out.rubrics) if name not in there]
    of: dict[str, str] = {}
    held_out = set()
    sizes: dict[int, list[_Known]] = {}
    alike, not_compared = _clusters(place, settings, tasks)
    for known, cluster in zip(tasks, alike, strict=True):
        sizes.setdefault(cluster, []).append(known)
    for some in sizes.values():
        # Not the first to be held out: then large groups would be held out more often than small ones.
        name = min(some, key=lambda known: digest("group", known.group)).group
        of |= {known.task_id: name for known in some if known.group != name}
        if any(known.rubric is not None for known in some):
            held_out.add(name)
    with_rubric = sum(known.rubric is not None for known in tasks)
    told = {
        "by": settings.by,
        "tasks": len(tasks),
        "groups": len(sizes),
        "of_several_tasks": sum(len(some) > 1 for some in sizes.values()),
        "largest": max(map(len, sizes.values()), default=0),
        **({"held_out_and_absent": absent} if absent else {}),
        **({"pairs_not_compared": not_compared} if not_compared else {}),
        **({"tasks_with_held_out_rubric": with_rubric} if hold_out.rubrics else {}),
    }
    plain = {"settings": settings.model_dump(mode="json"), "told": told, "held_out": sorted(held_out), "of": of}
    write_text(place.path / FILE, json.dumps(plain, indent=1) + "\n")


def groups(place: RunDirectory) -> Groups | None:
    """What `group` has written; None for a run that has no such file."""
    path = place.path / FILE
    if not path.is_file():
        return None
    plain = json.loads(path.read_bytes())
    settings = Splitting.model_validate(plain["settings"])
    return Groups(settings, plain["of"], frozenset(plain["held_out"]), plain["told"])


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a task while groups are found."""

    task_id: str
    group: str
    """That of the task alone."""
    rubric: str | None
    """Its rubric's criteria, where tasks with them are held out."""


def _tasks(place: RunDirectory, hold_out: HoldOut) -> Iterator[_Known]:
    for task in _read(place):
        rubric = task.rubric.criteria if task.rubric and _rubric_held_out(task, hold_out) else None
        yield _Known(task.id, group_of(task), rubric)


def _read(place: RunDirectory) -> Iterator[Task]:
    return (task for number in range(place.parts()) for task in place.rows(Task, number))


def _clusters(place: RunDirectory, settings: Splitting, tasks: list[_Known]) -> tuple[Iterable[int], int]:
    """A number for each task, where tasks with the same one are on one side; and the pairs that were not looked at."""
    if settings.by == "question":
        return _joined(tasks), 0
    from ...curation.duplicates.near import clusters  # Here, since it takes numpy along.
    from ...curation.duplicates.of_tasks import text_of

    found, skipped = clusters((text_of(task, "chat") for task in _read(place)), settings.threshold)
    return found.tolist(), skipped


def _models(place: RunDirectory) -> set[str | None]:
    """The models of all answers, failed ones included."""
    found: set[str | None] = set()
    for number in range(place.parts()):
        table = part_columns(place.part(Answer, number), ("model",))
        found.update(table["model"].to_pylist() if table is not None else ())
    return found


def _joined(tasks: list[_Known]) -> list[int]:
    numbers: dict[str, int] = {}
    return [numbers.setdefault(known.group, len(numbers)) for known in tasks]


def _rubric_held_out(task: Task, hold_out: HoldOut) -> bool:
    return task.rubric is not None and task.rubric.criteria in hold_out.rubrics
