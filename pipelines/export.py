"""Kept rows into the files of a format. Order and ids follow the source, never the order in which calls finished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

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

    The rows are read once for all formats. Each file is replaced whole, once all of it is written.
    """
    with _told(directory.path / "export"), ExitStack() as stack:
        writers = [_Writer(directory.path / "export" / plugin.plugin_name(), plugin, stack) for plugin in formats]
        for example in examples(directory):
            for writer in writers:
                writer.take(example)
    manifest = directory.manifest()
    for writer in writers:
        writer.finish(manifest)
    return Waterfall({f"export {writer.plugin.plugin_name()}": writer.count for writer in writers})


class _Writer:
    """The files of one format while they are written."""

    def __init__(self, folder: Path, plugin: Format, stack: ExitStack) -> None:
        self.plugin, self.count = plugin, StageCount()
        self._folder, self._stack = folder, stack
        self._files: dict[str, IO[bytes]] = {}
        self._rows = dict.fromkeys(plugin.files, 0)
        self._simulated = False

    def take(self, example: Example) -> None:
        """Write one example, or count why the format cannot carry it."""
        self.count.entered += 1
        self._simulated = self._simulated or example.simulated
        try:
            lines = [(name, orjson.dumps(record) + b"\n") for name, record in self.plugin.encode(example)]
        except CannotCarry as loss:
            self.count.dropped[loss.reason] += 1
            return
        self.count.kept += 1
        for name, line in lines:
            if name not in self._files:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._files[name] = self._stack.enter_context(self._partial(name).open("wb"))
            self._files[name].write(line)
            self._rows[name] += 1

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Put the closed files in their places, remove those of an earlier export, and write the card."""
        with _told(self._folder):
            for name, rows in self._rows.items():
                if rows:
                    self._partial(name).replace(self._folder / name)
                else:
                    # Of an earlier export, and of one that was cut short.
                    (self._folder / name).unlink(missing_ok=True)
                    self._partial(name).unlink(missing_ok=True)
        self.count.check(f"export {self.plugin.plugin_name()}")
        text = card(self.plugin, manifest, self.count, self._rows, self._simulated)
        write_text(self._folder / "README.md", text)

    def _partial(self, name: str) -> Path:
        return self._folder / f"{name}.partial"


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What goes wrong with the files, closing them included, as one line."""
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(
            f"{folder}: {error.strerror or error}. Make space, then run `prefmill export`."
        ) from error
