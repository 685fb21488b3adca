"""The folder that is published: written beside its place, and put there once it is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...schemas.errors import RunDirectoryError, UserError
from .. import recipe_file
from .card import card
from .croissant import croissant, sha256
from .told import Told

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it would be on the Hub."""

    path: Path
    files: tuple[str, ...]
    """Every file, by its path in the repository; sorted."""
    told: Told


def partial_of(place: Path) -> Path:
    """Where a folder is written before it is whole."""
    return place.with_name(f"{place.name}.partial")


def check_place(place: Path) -> None:
    """Refuse a folder that holds something else than what an earlier publishing wrote. Raises `UserError`."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UserError(f"{place}: is no folder. Name a new or empty one.")
    if not place.exists() or (foreign := next(_foreign(place), None)) is None:
        return
    raise UserError(f"{place}: holds {foreign}, which was not written by `prefmill publish`. Name a new or empty one.")


def _foreign(place: Path) -> Iterator[str]:
    ours = {MANIFEST, *files_listed((place / MANIFEST).read_text(encoding="utf-8"))} if _has_manifest(place) else set()
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if not path.is_dir() and name not in ours:
            yield name


def _has_manifest(place: Path) -> bool:
    return (place / MANIFEST).is_file()


def files_listed(manifest: str) -> frozenset[str]:
    """The files that a published manifest lists; none where it is not one of ours."""
    try:
        listed = json.loads(manifest)["files"]
    except (ValueError, TypeError, KeyError):
        return frozenset()
    return (
        frozenset(listed) if isinstance(listed, dict) and all(isinstance(one, str) for one in listed) else frozenset()
    )


def finish(partial: Path, place: Path, told: Told, recipe: Mapping[str, Any]) -> Folder:
    """Write what belongs beside the data, and put the folder in its place. Raises `RunDirectoryError`."""
    try:
        _write(partial / "recipe.yaml", recipe_file.dump(dict(recipe)))
        _write(partial / "croissant.json", json.dumps(croissant(told, partial), indent=2, ensure_ascii=False) + "\n")
        _write(partial / "README.md", card(told))
        files = {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in _files(partial)}
        rows = {split.path: rows for split, rows in told.splits}
        listed = {name: {"rows": rows[name], **facts} if name in rows else facts for name, facts in files.items()}
        manifest = {**told.manifest, "files": listed}
        _write(partial / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        check_place(place)
        if place.exists():
            shutil.rmtree(place)
        partial.replace(place)
    except OSError as error:
        raise RunDirectoryError(f"{place}: cannot be written ({error.strerror or error}). Make space there.") from error
    return Folder(place, tuple(name for name, _ in _files(place)), told)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
