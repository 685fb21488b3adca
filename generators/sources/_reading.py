"""From a source's records to Tasks: every line read ends as exactly one Task or one Loss."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Literal

from ...schemas.errors import SourceError
from ...schemas.row import digest
from ...schemas.rows import Loss, Task
from . import Source
from ._record import task_of
from ._values import Malformed


def read_tasks(source: Source) -> Iterator[Task | Loss]:
    """Tasks in source order; what is malformed, a repetition, or an id used twice comes as a Loss in its place.

    `limit` counts lines read, so in = kept + dropped + failed <= limit. Raises `SourceError` where the source as a
    whole cannot be read or holds no rows. Keeps two 64-bit numbers and their lines for each task, not the tasks.
    """
    seen: dict[int, int] = {}
    ids: dict[int, int] = {}
    empty = True
    for line, record in islice(source.records(), source.limit):
        empty = False
        if isinstance(record, str):
            yield _lost(source, line, "failed", "malformed", record)
            continue
        try:
            task = task_of(record, source, line)
        except Malformed as error:
            yield _lost(source, line, "failed", "malformed", str(error))
            continue
        content = int(task.id, 16)
        name = None if task.source_id is None else int(digest(task.source_id), 16)
        if content in seen:
            yield _lost(source, line, "dropped", "duplicate", f"same as {source.label}:{seen[content]}")
        elif name in ids:
            detail = f"id {task.source_id!r} is already used on line {ids[name]}"
            yield _lost(source, line, "failed", "duplicate", detail)
        else:
            seen[content] = line
            if name is not None:
                ids[name] = line
            yield task
    if empty:
        raise SourceError(f"{source.where()}: holds no rows")


def _lost(source: Source, line: int, status: Literal["dropped", "failed"], reason: str, detail: str) -> Loss:
    return Loss(
        stage="tasks",
        status=status,
        row_id=f"{source.label}:{line}",
        by=source.plugin_name(),
        reason=reason,
        detail=detail,
    )
