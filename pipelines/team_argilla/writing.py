"""Writes a team's compose file, and beside it `.env` with its secrets, which nobody else can read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ...schemas.errors import UserError
from ...schemas.frozen import Frozen
from ..embedded_argilla.launching import names
from .services import OWNER, document

COMPOSE, SECRETS = "docker-compose.yaml", ".env"

_ABOUT = """\
# An Argilla server for a team, written by `prefmill review compose`; it is yours to change.
# Start, and after a change:  docker compose up --detach        Stop, keeping all data:  docker compose down
# Others reach it where `ports` of `server` says so: put a proxy with TLS before it first.
"""
_ABOUT_SECRETS = """\
# Read by docker compose, with docker-compose.yaml beside it. Keep it out of version control.
# TEAM_ANNOTATORS, name and password, may get more names: `docker compose up --detach` makes them. A password counts
# when its user is made; the owner's API key each time.
"""


class Written(Frozen):
    """What there is now."""

    files: tuple[Path, ...]
    url: str
    """Where the server will be."""
    users: tuple[str, ...]


class _Dumper(yaml.SafeDumper):
    """Every value in full, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - PyYAML's signature
        return True


def _block(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def write(folder: Path, annotators: Sequence[str] = (), *, host_port: int = 6900) -> Written:
    """Write both files into a folder, which is made if it is missing.

    Raises `UserError` for a name that cannot be one, and where either file is there: it may belong to a server that
    runs, whose database knows the old secrets alone.
    """
    names(annotators)
    if OWNER in annotators:
        raise UserError(f"--annotator {OWNER}: that is the name of the user who owns the server; give another one")
    compose, env = folder / COMPOSE, folder / SECRETS
    for path in (compose, env):
        if path.exists():
            raise UserError(f"{path}: is there already, and is kept: its server knows no other secrets. Give --out")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = yaml.dump(document(host_port), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    with os.fdopen(os.open(env, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(_ABOUT_SECRETS + _made(annotators))
    with compose.open("x", encoding="utf-8") as stream:
        stream.write(_ABOUT + text)
    return Written(files=(compose, env), url=f"http://127.0.0.1:{host_port}", users=(OWNER, *dict.fromkeys(annotators)))


def _made(annotators: Sequence[str]) -> str:
    """The lines of `.env`. Its names begin with TEAM_ since compose prefers variables of the shell."""
    passwords = {name: secrets.token_urlsafe(16) for name in annotators}
    values = {
        "TEAM_POSTGRES_PASSWORD": secrets.token_hex(24),
        "TEAM_SESSION_KEY": secrets.token_hex(32),
        "TEAM_OWNER_PASSWORD": secrets.token_urlsafe(16),
        "TEAM_OWNER_API_KEY": secrets.token_urlsafe(32),
        "TEAM_ANNOTATORS": f"'{json.dumps(passwords)}'",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
