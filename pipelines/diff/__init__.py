"""What differs between two runs, or between two exports of one format. Nothing is written, no model is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...schemas.errors import UserError


def diff(one: Path, other: Path, format: str | None = None) -> dict[str, Any]:
    """The differences, as JSON values: `runs.py` says which of two runs, `files.py` which of two exports.

    `format`: that of exports, where their place does not tell it. Raises `UserError` where the two cannot be compared.
    """
    for path in (one, other):
        if not path.exists():
            raise UserError(f"{path}: no such file or folder.")
    are_runs = [(path / "manifest.json").is_file() for path in (one, other)]
    if all(are_runs):
        from .runs import of_runs

        if format is not None:
            raise UserError(f"--format {format}: A and B are runs. Name their exports: {one / 'export'}/FORMAT.")

        return of_runs(one, other)
    for path, is_run in zip((one, other), are_runs, strict=True):
        if is_run:
            raise UserError(f"{path}: a run, and the other is an export. Name its export: {path / 'export'}/FORMAT.")
    from .files import of_files

    return of_files(one, other, format)
