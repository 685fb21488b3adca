"""Two exports of one format: rows by their content, whatever their places in the files.

A row is known by the task's messages and the answers' texts; the order of two answers is no difference between them,
and its label is told in one order for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...generators.records.format_files import format_named, found_files
from ...generators.records.intake import Intake
from ...schemas.errors import SourceError, UserError, known
from ...schemas.formats import Format
from ...schemas.labels import Label, label_of
from ...schemas.plugins import load, names
from ...schemas.row import digest
from ...schemas.rows import Example, Loss, Task
from .rows import Labelled, compared

_OTHER = {"first": "second", "second": "first"}


def of_files(one: Path, other: Path, name: str | None = None) -> dict[str, Any]:
    """`{kind: "files", a, b, format, rows, malformed: {a, b}}`; `rows` as `rows.compared` gives them.

    Raises `UserError` where the format is not told, or a file cannot be read as one of it.
    """
    format = format_named(name or _told(one, other), "--format")
    malformed = {"a": 0, "b": 0}
    rows = compared(*(_rows(format, path, malformed, side) for side, path in (("a", one), ("b", other))))
    return {
        "kind": "files",
        "a": str(one),
        "b": str(other),
        "format": format.plugin_name(),
        "rows": rows,
        "malformed": malformed,
    }


def _told(*paths: Path) -> str:
    """The format that the places name: folders of exports are called like theirs, and some have files of their own."""
    formats = names(Format.kind)
    for path in paths:
        folder = path.resolve() if path.is_dir() else path.resolve().parent
        if folder.name in formats:
            return folder.name
    owners = [name for name in formats if all(path.name in load(Format, name).files for path in paths)]
    if len(owners) == 1:
        return owners[0]
    raise UserError(
        f"{paths[0]}: neither a run nor in a folder that is called like its format. Say which with --format. "
        f"{known('', formats)}"
    )


def _rows(format: Format, path: Path, malformed: dict[str, int], side: str) -> Iterator[tuple[str, Labelled]]:
    intake = Intake(format, found_files(format, path))
    try:
        for number, row in enumerate(format.decode(intake.records()), start=1):
            if isinstance(row, Loss):
                malformed[side] += 1
            else:
                yield _row(row, _place(intake, row.task, number))
        malformed[side] += sum(1 for _ in intake.overlooked())
    except UserError:
        raise
    except ValueError as problem:
        raise SourceError(intake.told(str(problem))) from problem


def _place(intake: Intake, task: Task, number: int) -> str:
    """`FILE:LINE` where a row begins; a format whose tasks do not say has one file, and a row for each record."""
    name, record = (next(iter(intake.paths)), number) if task.line is None else (task.source, task.line)
    return f"{intake.paths[name].name}:{intake.line(name, record)}"


def _row(example: Example, name: str) -> tuple[str, Labelled]:
    texts = [answer.text or "" for answer in example.answers]
    turned = len(texts) == 2 and texts[1] < texts[0]
    told = [(message.role, message.content) for message in example.task.messages]
    key = digest(told, sorted(texts) if len(texts) == 2 else texts)
    named = f"{name} ({example.task.source_id})" if example.task.source_id else name
    found = label_of(example)
    winner = found.winner if isinstance(found, Label) else None
    scores = _scores(example)
    if turned:
        scores = (-scores[0],) if len(scores) == 1 else scores[::-1]
        return key, Labelled(named, _OTHER.get(winner or "", winner), scores)
    return key, Labelled(named, winner, scores)


def _scores(example: Example) -> tuple[float, ...]:
    verdict = example.verdict
    if verdict is not None and verdict.final_margin is not None:
        return (verdict.final_margin,)
    if verdict is not None and verdict.scores:
        return verdict.scores
    if example.comparison is None:
        return tuple(grade.score for grade in example.grades if grade.score is not None)
    return ()
