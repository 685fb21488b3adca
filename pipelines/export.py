"""Kept rows into the files of a format. Order and ids follow the source, never the order in which calls finished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import orjson

from ..schemas.errors import CannotCarry, RunDirectoryError
from ..schemas.formats import Format
from ..schemas.rows import Answer, Comparison, Example, Judgment, Loss, Task, Verdict
from .card import card
from .rundir import RunDirectory, write_text
from .waterfall import StageCount, Waterfall


def examples(directory: RunDirectory) -> Iterator[Example]:
    """The kept verdicts of a run with everything they rest on, in canonical order; one part in memory at a time."""
    index = 0
    for number in range(directory.parts()):
        for example in _examples_of_part(directory, number, index):
            yield example
            index += 1


def _examples_of_part(directory: RunDirectory, number: int, first: int) -> Iterator[Example]:
    lost = {loss.row_id for loss in directory.rows(Loss, number) if loss.stage == "verdicts"}
    tasks = {task.id: task for task in directory.rows(Task, number)}
    answers = {answer.id: answer for answer in directory.rows(Answer, number)}
    comparisons = {comparison.id: comparison for comparison in directory.rows(Comparison, number)}
    judgments: dict[str, list[Judgment]] = {}
    for judgment in directory.rows(Judgment, number):
        if judgment.failure is None:
            judgments.setdefault(judgment.comparison_id, []).append(judgment)
    kept = (verdict for verdict in directory.rows(Verdict, number) if verdict.id not in lost)
    for index, verdict in enumerate(kept, first):
        comparison = comparisons[verdict.comparison_id]
        yield Example(
            index=index,
            task=tasks[verdict.task_id],
            answers=tuple(answers[answer] for answer in comparison.answer_ids),
            comparison=comparison,
            judgments=tuple(judgments[comparison.id]),
            verdict=verdict,
        )


def export(directory: RunDirectory, formats: Sequence[Format]) -> Waterfall:
    """Write the run's kept rows in each format below `export/`; what became of them, one stage a format.

    A format's folder is replaced as a whole once all of it is written.
    """
    result = Waterfall({})
    for plugin in formats:
        result.stages[f"export {plugin.plugin_name()}"] = _export(directory, plugin)
    return result


def _export(directory: RunDirectory, plugin: Format) -> StageCount:
    count, written = StageCount(), dict.fromkeys(plugin.files, 0)
    folder = directory.path / "export" / plugin.plugin_name()
    simulated = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for example in examples(directory):
                count.entered += 1
                simulated = simulated or example.simulated
                try:
                    lines = [(name, orjson.dumps(record) + b"\n") for name, record in plugin.encode(example)]
                except CannotCarry as loss:
                    count.dropped[loss.reason] += 1
                    continue
                count.kept += 1
                for name, line in lines:
                    if name not in files:
                        files[name] = stack.enter_context(_partial(folder, name).open("wb"))
                    files[name].write(line)
                    written[name] += 1
        for name, rows in written.items():
            if rows:
                _partial(folder, name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise RunDirectoryError(
            f"{folder}: {error.strerror or error}. Make space, then run `prefmill export`."
        ) from error
    write_text(folder / "README.md", card(plugin, directory.manifest(), count, written, simulated))
    count.check(f"export {plugin.plugin_name()}")
    return count


def _partial(folder: Path, name: str) -> Path:
    return folder / f"{name}.partial"
