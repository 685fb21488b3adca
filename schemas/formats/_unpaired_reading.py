"""Rows with one labelled answer back into pairs, where two of them belong together, and into graded answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..rows import Answer, Example, Grade, Loss, Task
from . import Record
from ._chat import prompt, reply_at
from ._lines import Line, lines_of, lost
from ._preferred import Side, model_at, preferred, source_id_at


@dataclass(frozen=True, slots=True)
class Row:
    """One record, read."""

    line: Line
    task: Task
    side: Side
    label: bool
    pair_id: str | None

    def belongs_to(self, other: Row) -> bool:
        """Whether the two are one pair."""
        return (
            self.pair_id == other.pair_id
            and self.label != other.label
            and (self.task.source_id, self.task.messages) == (other.task.source_id, other.task.messages)
        )


def read_unpaired(files: Mapping[str, Iterable[Record]], names: Iterable[str]) -> Iterator[Example | Loss]:
    """Examples of all files; `index` counts pairs, graded answers and losses."""
    index = 0
    for name in names:
        for group in _groups(lines_of(files, name)):
            yield group if isinstance(group, Loss) else _example(group, index)
            index += 1


def _groups(lines: Iterable[Line]) -> Iterator[tuple[Row, ...] | Loss]:
    """Rows that belong together, in the order of the file."""
    waiting: Row | None = None
    for line in lines:
        try:
            row = _row(line)
        except ValueError as problem:
            if waiting:
                yield (waiting,)
                waiting = None
            yield lost(line, str(problem))
            continue
        if waiting and row.belongs_to(waiting):
            yield (waiting, row)
            waiting = None
            continue
        if waiting:
            yield (waiting,)
        waiting = row
    if waiting:
        yield (waiting,)


def _row(line: Line) -> Row:
    task = Task(source_id=source_id_at(line), messages=prompt(line), source=line.file, line=line.number)
    label = line.record.get("label")
    if not isinstance(label, bool):
        raise line.wrong("label", f"expected true or false (got {label!r})")
    side = Side(reply_at(line, "completion"), model_at(line, "model"))
    return Row(line, task, side, label, line.text("pair_id") if line.has("pair_id") else None)


def _example(group: tuple[Row, ...], index: int) -> Example | Loss:
    first = group[0]
    if len(group) == 2:
        chosen, rejected = group if first.label else group[::-1]
        return preferred(index, first.task, chosen.side, rejected.side)
    if first.pair_id is not None:
        return lost(first.line, "pair_id: the other row of this pair does not stand beside it")
    answer = Answer(task_id=first.task.id, model=first.side.model, text=first.side.text, origin="recorded")
    grade = Grade(
        answer_id=answer.id, task_id=first.task.id, teacher="unknown", judge="unknown", score=float(first.label)
    )
    return Example(index=index, task=first.task, answers=(answer,), grades=(grade,))
