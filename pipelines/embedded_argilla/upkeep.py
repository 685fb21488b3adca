"""Users, the search index, and backups of a home directory."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ...curation.argilla_server.home import Home
from ...schemas.errors import UserError
from ...schemas.errors import known as one_of
from ...schemas.frozen import Frozen
from .environment import Say, interpreter
from .launching import launch, names


class User(Frozen):
    """A user, with what it takes to sign in."""

    name: str
    role: str
    password: str
    api_key: str


def users(home: Path) -> list[User]:
    """Those made here. Their secrets lie in `secrets.json`, for the owner of the home directory to read."""
    known = Home(home).read_secrets().get("users", {})
    return [User(name=name, **secrets) for name, secrets in known.items()]


def user(home: Path, name: str) -> User:
    """One of them. Raises UserError where there is none of that name."""
    everybody = {user.name: user for user in users(home)}
    if not everybody:
        raise UserError(f"{Home(home).directory}: no Argilla server has run here; `prefmill review up` starts one")
    if name not in everybody:
        raise UserError(f"{Home(home).secrets}: no user named {name!r}. {one_of(name, everybody)}")
    return everybody[name]


def add_users(home: Path, annotators: Sequence[str], say: Say, *, workspace: str = "reviews") -> list[User]:
    """Make annotators that are missing; gives them, with their secrets. The server may run, and has to have run once.

    Raises UserError for a name that cannot be one, and for a home directory where no server has run.
    """
    names(annotators)
    known = _database(home)
    launch(
        interpreter(say),
        "users",
        f"--home={known.directory}",
        f"--workspace={workspace}",
        *(f"--annotator={name}" for name in annotators),
    )
    return [user for user in users(home) if user.name in annotators]


def reindex(home: Path, say: Say) -> None:
    """Make the search index again from Argilla's database. Raises UserError while a server runs."""
    known = _database(home)
    if known.holder() is not None:
        raise UserError(f"{known.directory}: a server runs here; stop it first")
    launch(interpreter(say), "reindex", f"--home={known.directory}")


def backup(home: Path, folder: Path) -> list[Path]:
    """Copy the database, as it is at one moment, secrets and settings; the server may run. Gives the files.

    The search index is not copied: it is made from the database. To go back, put the files into an empty home
    directory. Raises UserError where files of that name are there already.
    """
    known = _database(home)
    files = [path for path in (known.database, known.secrets, known.settings) if path.exists()]
    copies = [folder / path.name for path in files]
    for copy in copies:
        if copy.exists():
            raise UserError(f"{copy}: is there already; give an empty folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(known.database)) as source, closing(sqlite3.connect(copies[0])) as copy_of:
        source.backup(copy_of)
    for path, copy in zip(files[1:], copies[1:], strict=True):
        copy.touch(mode=0o600)
        shutil.copyfile(path, copy)
    return copies


def _database(home: Path) -> Home:
    known = Home(home)
    if not known.database.exists():
        raise UserError(f"{known.directory}: no Argilla server has run here; start one first")
    return known
