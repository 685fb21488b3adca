"""What of a batch lies on disk: one JSON file each, and its results beside it once they are here.

A record is written before anything is sent, and again after each step, so that a run that is killed at any moment
finds at its restart how far each batch had come.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ...schemas.errors import RunDirectoryError
from ...schemas.frozen import Frozen

State = Literal["preparing", "uploaded", "open", "ended", "saved", "refused"]
ON_THE_WAY: frozenset[State] = frozenset({"preparing", "uploaded", "open", "ended"})
"""States before the results are here: nothing of such a batch may be submitted again."""


class BatchRecord(Frozen):
    """One batch, as far as it has come."""

    uuid: str
    """Our name for it; the endpoint keeps it in the batch's metadata."""
    label: str
    """The recipe's name for the model."""
    state: State
    """preparing: nothing was sent, or the file only; uploaded: the batch may have been made; open: it has an id; ended:
    the endpoint is done with it; saved: its results are here; refused: the endpoint did not take it, and its requests
    are free for another one."""
    created_s: float
    """Unix time."""
    keys: tuple[str, ...]
    """Ledger keys of its requests, in the order of the file: the items' `custom_id`."""
    input_sha256: str
    """Of the input file."""
    tokens: int
    """Estimate of what it puts into the account's queue."""
    file_id: str | None = None
    batch_id: str | None = None
    status: str = ""
    """As the endpoint said last."""
    completed: int = 0
    failed: int = 0
    lacking: str = "protocol"
    """Kind of failure (`row.FailureKind`) of the requests that it has no result for."""
    said: str = "the batch has ended without a result for this request"
    """Why it has none, in one line."""

    @property
    def on_the_way(self) -> bool:
        """Whether its results are still to come."""
        return self.state in ON_THE_WAY


class Shelf:
    """The records of one model in a folder; several models of a stage share it."""

    def __init__(self, folder: Path, label: str) -> None:
        self.folder, self.label = folder, label

    def records(self) -> list[BatchRecord]:
        """All of this model, oldest first. Raises `RunDirectoryError`."""
        found = [read_record(path) for path in sorted(self.folder.glob("*.json"))]
        return sorted((record for record in found if record.label == self.label), key=lambda record: record.created_s)

    def path(self, record: BatchRecord) -> Path:
        """Where the record lies."""
        return self.folder / f"{record.uuid}.json"

    def results(self, record: BatchRecord) -> Path:
        """Where its results lie: the lines of the output file and of the error file."""
        return self.folder / f"{record.uuid}.results.jsonl"

    def keep(self, record: BatchRecord) -> None:
        """Write the record. Raises `RunDirectoryError`."""
        write_whole(self.path(record), record.model_dump_json().encode())

    def forget(self, record: BatchRecord) -> None:
        """Remove a record of which the endpoint knows nothing."""
        self.path(record).unlink(missing_ok=True)


def read_record(path: Path) -> BatchRecord:
    """The record in a file. Raises `RunDirectoryError`."""
    try:
        return BatchRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunDirectoryError(f"{path}: not a batch's record ({str(error).splitlines()[0]}).") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and onto the disk: what it says was paid for. Raises `RunDirectoryError`."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise RunDirectoryError(
            f"{path}: {error.strerror or error}. Nothing is lost: make space, then start the same run again."
        ) from error
