"""`prefmill report`: the page of a run, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefmill.schemas.errors import RunDirectoryError

NAME = "report.html"


@dataclass(frozen=True, slots=True)
class Reported:
    """The page that was written."""

    path: Path
    bytes: int


def report(directory: Path, output: Path | None) -> Reported:
    """Write the page of the run in `directory` to `output`, or to `report.html` in it.

    Raises `UserError` where there is no run, where the extra `report` is not installed, or where the file cannot be
    written.
    """
    from prefmill.pipelines.report.bundle import require
    from prefmill.pipelines.report.figures import figures
    from prefmill.pipelines.rundir import RunDirectory, write_text

    place = RunDirectory(directory)
    place.manifest()
    require()
    path = output or directory / NAME
    if path.is_dir():
        raise RunDirectoryError(f"{path}: is a folder. Name the file: -o {path / NAME}")
    # Imported here: altair takes a second, and is there with the extra only.
    from prefmill.pipelines.report.page import page
    from prefmill.pipelines.report.rows import browser
    from prefmill.pipelines.report.sections import sections

    found = figures(place)
    write_text(path, page(found, sections(found), [browser(place)]))
    return Reported(path, path.stat().st_size)
