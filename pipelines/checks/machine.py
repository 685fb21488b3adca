"""What a run needs of this machine: tasks to read, a directory to write, space, and the packages it was built for."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from ...curation.filters import Filter
from ...generators.providers import Provider, Site
from ...schemas.errors import RunDirectoryError, SourceError, UserError
from ...schemas.rows import Loss, Task
from ..overview import plan
from ..recipe import Recipe
from ..rundir import RunDirectory
from . import PROBE_S, Check, in_thread

LEAST_SPACE = 10**9
"""Bytes that must be free whatever the recipe."""
SPACE_A_CALL = 20_000
"""Bytes that one call takes in the ledger, the parts and the exports, with long texts; short ones take 4,000."""
SHOWN = ("prefmill", "distilabel", "openai", "genai-prices")


async def source(recipe: Recipe) -> Check:
    """A first task can be read."""
    started = time.monotonic()

    def first() -> Task | Loss | None:
        lost = None
        for line in recipe.tasks.tasks():
            if isinstance(line, Task):
                return line
            lost = lost or line
        return lost

    try:
        line = await in_thread(first)
    except TimeoutError:
        return Check(
            "tasks", "red", f"no task was read within {PROBE_S:g} s", "Is the source on a slow disk or network?"
        )
    except (SourceError, OSError) as error:
        return Check("tasks", "red", str(error), "Correct `tasks:` in the recipe.")
    if not isinstance(line, Task):
        return Check(
            "tasks", "red", line.detail if line else "no line at all", "No line is a task: correct its fields."
        )
    text = " ".join(line.instruction.split())
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    return Check("tasks", "ok", f"{recipe.tasks.label}: {shown!r}, {1e3 * (time.monotonic() - started):.0f} ms")


async def filters(plugins: Sequence[Filter]) -> Check:
    """What the filters need beside rows is there."""

    def ready() -> list[str]:
        found = []
        for plugin in plugins:
            try:
                plugin.ready()
            except UserError as error:
                found.append(str(error))
        return found

    try:
        missing = await in_thread(ready)
    except TimeoutError:
        return Check("filters", "skipped", f"not at hand within {PROBE_S:g} s")
    if missing:
        return Check("filters", "red", "; ".join(missing), "Install or correct it, or leave the filter out.")
    return Check("filters", "ok", ", ".join(plugin.plugin_name() for plugin in plugins))


async def directory(recipe: Recipe, path: Path) -> Check:
    """The run's directory can be written, nobody runs there, and what lies there asked the same."""
    what = f"run directory {path}"

    def claim() -> None:
        if path.exists():
            with RunDirectory(path).claimed(recipe, begins=False):
                return
        if not os.access(existing(path), os.W_OK):
            raise RunDirectoryError(f"{existing(path)} cannot be written.")

    try:
        await in_thread(claim)
    except TimeoutError:
        return Check(what, "red", f"no reply from the disk within {PROBE_S:g} s", "Choose another with --run-dir.")
    except (UserError, OSError) as error:
        return Check(what, "red", str(error), "Choose another with --run-dir.")
    calls = "a run lies here" if (path / "manifest.json").is_file() else "new"
    return Check(what, "ok", calls)


async def space(recipe: Recipe, path: Path) -> Check:
    """There is room for the calls that the recipe can lead to."""
    try:
        calls = sum(planned.calls for planned in (await in_thread(lambda: plan(recipe))).calls)
    except (UserError, OSError, TimeoutError):
        calls = 0  # The check of the source says what is wrong with it.
    needed = max(LEAST_SPACE, SPACE_A_CALL * calls)
    free = shutil.disk_usage(existing(path)).free
    found = f"{free / 1e9:,.1f} GB free, {needed / 1e9:,.1f} GB wanted for {calls:,} calls"
    if free < needed:
        return Check("disk space", "red", found, "Make space, or choose another disk with --run-dir.")
    return Check("disk space", "ok", found)


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    absolute = path.absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.exists())


def packages() -> Check:
    """Every package that prefmill needs is there, in a version it knows."""
    wrong = []
    for line in metadata.requires("prefmill") or []:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is not installed")
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"{wanted.name} {version} is not {wanted.specifier}")
    found = ", ".join(f"{name} {metadata.version(name)}" for name in SHOWN)
    what, versions = "packages", f"Python {platform.python_version()}, {found}"
    if wrong:
        return Check(what, "red", "; ".join(wrong), "Install prefmill again, in an environment of its own.")
    return Check(what, "ok", versions)


async def recorded(provider: Provider) -> Check:
    """Answers that already exist can be read."""
    what = f"answers {provider.label}"

    async def opened() -> None:
        async with provider.open(Site()):
            return

    try:
        await in_thread(lambda: asyncio.run(opened()))
    except TimeoutError:
        return Check(what, "skipped", f"not read within {PROBE_S:g} s")
    except (UserError, OSError) as error:
        return Check(what, "red", str(error), "Correct `path` or `fields` of this entry.")
    return Check(what, "ok", "read")
