"""What is left to do until a run's pairs are before annotators on an Argilla server."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ...curation.desks.argilla import Argilla
from ..reviewing.plan import reviewable
from ..reviewing.store import ReviewStore
from ..rundir import RunDirectory


def reviewed_at(run: Path) -> str | None:
    """Address of the Argilla server that a run's recipe names; None where people review elsewhere.

    Raises `UserError` where there is nothing for people to review.
    """
    _, settings = reviewable(RunDirectory(run))
    return settings.desk.url if isinstance(settings.desk, Argilla) else None


def steps(run: Path, url: str, annotators: Sequence[str], home: Path | None = None) -> list[str]:
    """Commands, in order, and before them a change of the recipe where it does not name the server at `url`.

    `home`: the server's home directory where it is not the default one. Raises as `reviewed_at` does.
    """
    place, of_run = RunDirectory(run), shlex.quote(str(run))
    here = f" --home {shlex.quote(str(home))}" if home is not None else ""
    found = []
    if reviewed_at(run) != url:
        found.append(f'set review.desk in {place.recipe()} to {{desk: argilla, url: "{url}"}}')
    if not ReviewStore(place).plan.exists():
        found.append(f"prefmill review plan {of_run}")
    if not annotators:
        found.append(f"prefmill review users NAME{here}")
    named = " ".join(f"--annotator {name}" for name in annotators or ("NAME",))
    found.append(f"export ARGILLA_API_KEY=$(prefmill review key{here})")
    found.append(f"prefmill review push {of_run} {named}")
    return found
