"""Recipes to start from, shipped in `pipelines/recipes/`, with the files they read."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from ..schemas.errors import UserError, known
from . import recipe_file

_FILE = re.compile(r"\b(?:path|seeds): ([\w.-]+)")


def templates() -> list[str]:
    """Names of the templates."""
    folder = resources.files(__package__) / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def write_template(name: str, target: Path) -> list[Path]:
    """Write a template to `target` and the files it reads beside it; returns the files written.

    The recipe is called like the file, with `-` for what a run's name cannot hold. Files it reads that are there
    already stay as they are. Raises `UserError` for an unknown template or where a recipe is in the way.
    """
    if name not in templates():
        raise UserError(f"no template named {name!r}. {known(name, templates())}")
    folder = resources.files(__package__) / "recipes"
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    beside = _FILE.findall(text)
    called = re.sub(r"[^A-Za-z0-9._-]+", "-", target.stem).strip("-._") or name
    text = text.replace(f"name: {name}\n", recipe_file.dump({"name": called}), 1)
    if target.exists():
        raise UserError(f"{target}: exists already. Choose another name.")
    files = {target: text, **{target.parent / one: (folder / one).read_text(encoding="utf-8") for one in beside}}
    written = []
    for path, content in files.items():
        if path.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}).") from error
        written.append(path)
    return written
