"""Builds the environment that the server runs in, once, in the user's cache directory.

Where: `$XDG_CACHE_HOME/prefmill/` or `~/.cache/prefmill/` (XDG Base Directory Specification 0.8). The folder's name
holds the Python version and a hash of the requirements: another release of prefmill builds another one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ...curation import argilla_server
from ...schemas.errors import UserError

FOLDER = Path(argilla_server.__file__).parent
"""Of the package that runs inside."""
REQUIREMENTS = FOLDER / "requirements.txt"
Say = Callable[[str], None]


def interpreter(say: Say) -> Path:
    """The Python of the environment, which is built if it is not there or was not finished; `say` gets progress lines.

    Takes a minute or more and 600 MB the first time. Raises UserError where pip fails.
    """
    folder = environment_folder()
    python, finished = folder / "bin" / "python", folder / "finished"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two starts at once: the second waits, and finds it built.
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder, python, say)
            finished.touch()
    return python


def environment_folder() -> Path:
    """Where the environment is, or will be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        cache / "prefmill" / f"argilla-server-py{version}-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    )


def _build(folder: Path, python: Path, say: Say) -> None:
    say(f"building the Argilla server's environment in {folder}: once, about 600 MB")
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        raise UserError(f"{folder}: no virtual environment can be made there: {_last_line(made.stdout + made.stderr)}")
    total = sum(1 for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#")
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    log = folder / "pip.log"
    collected = 0
    with (
        subprocess.Popen(
            [*command, "--no-deps", "--requirement", str(REQUIREMENTS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as pip,
        log.open("w", encoding="utf-8") as lines,
    ):
        for line in pip.stdout or ():
            lines.write(line)
            if line.startswith("Collecting "):
                collected += 1
                if collected % 20 == 0:
                    say(f"{collected} of {total} packages")
            elif line.startswith("Installing collected packages"):
                say(f"installing {total} packages")
    if pip.returncode:
        last = _last_line(log.read_text(encoding="utf-8"), "ERROR")
        raise UserError(f"the Argilla server's environment cannot be built: {last} (all of pip's output: {log})")


def _last_line(text: str, mark: str = "") -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if mark in line), lines[-1] if lines else "no message")
