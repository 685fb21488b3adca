"""A run on disk: where everything lies, and who may write there.

    recipe.yaml  manifest.json  ledger.sqlite  lock  reviews.jsonl  calibration.json  relabelled.jsonl
    1-tasks/ 2-answers/ 3-comparisons/ 4-judgments/ 4-grades/ 4-probes/ 5-verdicts/ 6-reviews/ 7-labels/
    dropped/  export/<format>/  batches/<stage>/

`reviews.jsonl` is what people said of the run's comparisons: with the ledger, all that cannot be made again. `7-labels`
holds the verdicts as they are published, where that is not what the teachers said (`labelling.py`).

Rows lie in parquet parts; part k of every stage holds what was made of the same tasks, in canonical order.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..generators.ledger import Ledger
from ..schemas.errors import RunDirectoryError
from ..schemas.probe import Probe
from ..schemas.row import Row
from ..schemas.rows import Answer, Comparison, Grade, Judgment, Loss, Review, Task, Verdict
from .recipe import Recipe, as_yaml, asked_by, differences
from .recipe_reading import read_recipe

if TYPE_CHECKING:
    from ..curation.calibration import Calibration

R = TypeVar("R", bound=Row)

FOLDERS: dict[type[Row], str] = {
    Task: "1-tasks",
    Answer: "2-answers",
    Comparison: "3-comparisons",
    Judgment: "4-judgments",
    Grade: "4-grades",
    Probe: "4-probes",
    Verdict: "5-verdicts",
    Review: "6-reviews",
    Loss: "dropped",
}

LABELS = "7-labels"


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run, and reading and writing what lies there."""

    path: Path

    @property
    def ledger(self) -> Path:
        """Every call."""
        return self.path / "ledger.sqlite"

    @property
    def reviews(self) -> Path:
        """What people said of the run's comparisons, as `reviews.py` writes it."""
        return self.path / "reviews.jsonl"

    @property
    def calibration(self) -> Path:
        """How sure a verdict is, as people's labels show it."""
        return self.path / "calibration.json"

    def save_calibration(self, calibration: Calibration | None) -> None:
        """Write the run's calibration, or remove that of an earlier time."""
        if calibration is None:
            self.calibration.unlink(missing_ok=True)
        else:
            write_text(self.calibration, calibration.text())

    @property
    def batches(self) -> Path:
        """What connections in batch mode keep, a folder for each stage."""
        return self.path / "batches"

    @property
    def engines(self) -> Path:
        """Logs of the models that prefmill loaded itself, and the files by which what was left running is found."""
        return self.path / "engines"

    def part(self, kind: type[Row], number: int) -> Path:
        """File of part `number` (0-based) of the rows of one kind."""
        return self.path / FOLDERS[kind] / f"part-{number:05d}.parquet"

    @property
    def flagged(self) -> Path:
        """What filters would have people look at, one JSON object a line: `row_id`, `kind` of row, `by`, `detail`."""
        return self.path / "flagged.jsonl"

    def write_flags(self, flags: Iterable[Mapping[str, str]]) -> None:
        """Replace `flagged.jsonl`; without any flag there is none."""
        text = "".join(json.dumps(flag, ensure_ascii=False) + "\n" for flag in flags)
        if text:
            write_text(self.flagged, text)
        else:
            self.flagged.unlink(missing_ok=True)

    def parts(self) -> int:
        """How many parts were written."""
        return len(list((self.path / FOLDERS[Task]).glob("part-*.parquet")))

    def rows(self, kind: type[R], number: int) -> list[R]:
        """Rows of one kind in part `number`, in canonical order; none of a kind that the run knew nothing of."""
        import pyarrow.parquet as pq

        from ..schemas.arrow import rows_of

        path = self.part(kind, number)
        return rows_of(kind, pq.read_table(path)) if path.parent.is_dir() else []

    def labels(self, number: int) -> list[Verdict]:
        """The verdicts of part `number` as they are published: as labelled, or as the teachers gave them."""
        import pyarrow.parquet as pq

        from ..schemas.arrow import rows_of

        path = self._labels(number)
        return rows_of(Verdict, pq.read_table(path)) if path.exists() else self.rows(Verdict, number)

    @property
    def labelled(self) -> bool:
        """Whether there are labels beside the teachers' verdicts."""
        return (self.path / LABELS).is_dir()

    def write_labels(self, number: int, labels: list[Verdict]) -> None:
        """Write the labels of part `number`, whole or not at all."""
        self._write(Verdict, self._labels(number), labels)

    def clear_labels(self) -> None:
        """Remove all labels: verdicts are published as the teachers gave them."""
        shutil.rmtree(self.path / LABELS, ignore_errors=True)

    def _labels(self, number: int) -> Path:
        return self.path / LABELS / f"part-{number:05d}.parquet"

    def late_losses(self) -> list[Loss]:
        """Rows that were dropped when the whole run was looked at."""
        import pyarrow.parquet as pq

        from ..schemas.arrow import rows_of

        return rows_of(Loss, pq.read_table(self._late)) if self._late.exists() else []

    def write_late_losses(self, losses: list[Loss]) -> None:
        """Write them, in place of those of an earlier time."""
        self._write(Loss, self._late, losses)

    @property
    def _late(self) -> Path:
        return self.path / FOLDERS[Loss] / "whole-run.parquet"

    def write(self, kind: type[R], number: int, rows: list[R]) -> None:
        """Write part `number` of one kind, whole or not at all."""
        self._write(kind, self.part(kind, number), rows)

    @staticmethod
    def _write(kind: type[R], target: Path, rows: list[R]) -> None:
        import pyarrow.parquet as pq

        from ..schemas.arrow import table_of

        partial = target.with_suffix(".partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table_of(kind, rows), partial, compression="zstd")
            partial.replace(target)
        except OSError as error:
            raise RunDirectoryError(
                f"{target}: {error.strerror or error}. Nothing is lost: make space, then start the same run again."
            ) from error

    def clear(self) -> None:
        """Remove all parts: they are made again from the ledger."""
        for folder in FOLDERS.values():
            shutil.rmtree(self.path / folder, ignore_errors=True)
        self.clear_labels()

    def manifest(self) -> dict[str, Any]:
        """The run's manifest. Raises `RunDirectoryError` where there is none."""
        try:
            manifest: dict[str, Any] = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunDirectoryError(f"{self.path}: no run here. `prefmill run RECIPE` makes one.") from None
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise RunDirectoryError(f"{self.path / 'manifest.json'}: cannot be read ({said})") from error
        return manifest

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest."""
        write_text(self.path / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")

    def recipe(self) -> Path:
        """The resolved recipe. Raises `RunDirectoryError` where there is none."""
        path = self.path / "recipe.yaml"
        if not path.is_file():
            raise RunDirectoryError(f"{self.path}: no run here. `prefmill run RECIPE` makes one.")
        return path

    @contextmanager
    def claimed(self, recipe: Recipe | None, *, begins: bool = True) -> Iterator[None]:
        """Hold the directory for one run of a recipe; make it if need be.

        None: for work on the run that lies there, whatever it asks. `begins=False` leaves the recipe that lies there,
        or none: what is done is no run, but adds to its ledger.

        Raises `RunDirectoryError` where it cannot be written, holds something that is no run, where another run holds
        it, or where it holds a run that asked something else.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            other = None if (self.path / "lock").exists() else next(self.path.iterdir(), None)
            lock = None if other else (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise RunDirectoryError(
                f"{self.path}: cannot be written ({error.strerror}). Choose another with --run-dir."
            ) from error
        if lock is None:
            raise RunDirectoryError(f"{self.path}: no run's directory. Choose a new or empty one with --run-dir.")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                raise RunDirectoryError(
                    f"{self.path}: process {holder} is running here. Wait for it, or choose another --run-dir."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            if recipe is not None:
                self._same_questions(recipe)
                if begins:
                    write_text(self.path / "recipe.yaml", as_yaml(recipe))
            yield

    def _has_calls(self) -> bool:
        if not self.ledger.is_file():
            return False
        with Ledger.open(self.ledger) as ledger:
            return ledger.has_calls()

    def _same_questions(self, recipe: Recipe) -> None:
        """Refuse a recipe that asks something else than the run that lies here.

        A run that never had a reply, because its recipe was wrong, is none: what was wrong may be put right.
        """
        path = self.path / "recipe.yaml"
        if not path.is_file() or not self._has_calls():
            return
        old = asked_by(read_recipe(path, environment=False))
        changed = differences(old, asked_by(recipe))
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise RunDirectoryError(
                f"{path}: the recipe has changed since this run began: {'; '.join(changed[:3])}{more}."
                " Filters, exports and limits may change; for a new run choose another --run-dir or name."
            )


def write_text(path: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be written ({error.strerror or error}).") from error
