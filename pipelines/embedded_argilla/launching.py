"""How the launcher inside the managed environment is called, and what it says when it fails."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ...schemas.errors import UserError
from .environment import FOLDER

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LOST = ("ARGILLA_", "PYTHON", "VIRTUAL_ENV", "OAUTH2_")
"""What would change the server is not passed on; the launcher sets what it needs."""


def command(python: Path, *arguments: str) -> list[str]:
    """`-I`: no current directory, no user site, no PYTHON… variables."""
    return [str(python), "-I", str(FOLDER / "__main__.py"), *arguments]


def environment_variables() -> dict[str, str]:
    """This process's, without what would change the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LOST)}


def launch(python: Path, *arguments: str) -> None:
    """Run a short command of the launcher. Raises UserError with its last line where it fails."""
    done = subprocess.run(
        command(python, *arguments), env=environment_variables(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(_last_line(done.stderr) or f"the launcher ended with status {done.returncode}")


def names(given: Iterable[str]) -> None:
    """Raises UserError for what cannot be a user's name."""
    for name in given:
        if not _NAME.fullmatch(name):
            raise UserError(f"user {name!r}: a name has letters, digits, and after the first of them also _ . -")


def failure(output: Path, log: Path) -> str:
    """The last line that a server wrote before it ended."""
    for path in (output, log):
        if line := _last_line(path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""):
            return f"{line} (more in {path})"
    return "it said nothing"


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
