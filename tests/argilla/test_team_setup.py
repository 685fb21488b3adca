"""What the containers of a team's server run, with the real argilla-server, on SQLite in place of Postgres."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from prefmill.pipelines.team_argilla.services import OWNER, WORKSPACE, document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORDS = {"ann": "password-of-ann", "ben": "password-of-ben"}


def _set_up(python: Path, folder: Path, annotators: dict[str, str], key: str) -> str:
    """Run the command of the service `setup`; its log."""
    service = document(6900)["services"]["setup"]
    own = {
        **service["environment"],
        "ARGILLA_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'argilla.db'}",
        "ARGILLA_AUTH_SECRET_KEY": "session",
        "OWNER_PASSWORD": "password-of-owner",
        "OWNER_API_KEY": key,
        "ANNOTATORS": json.dumps(annotators),
    }
    command = [str(python), "-I", *service["command"][1:]]
    done = subprocess.run(
        [*command[:-1], command[-1].replace("$$", "$")],
        env={"PATH": os.environ["PATH"], "ARGILLA_HOME_PATH": str(folder), "TMPDIR": str(folder), **own},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_users_are_made_once_and_their_secrets_are_in_no_log(python: Path, tmp_path: Path) -> None:
    log = _set_up(python, tmp_path, {"ann": PASSWORDS["ann"]}, "key-of-owner")
    assert _users(tmp_path) == {OWNER: ("owner", True), "ann": ("annotator", False)}
    first = _column(tmp_path, "SELECT password_hash FROM users WHERE username = 'ann'")
    log += _set_up(python, tmp_path, {**PASSWORDS, "ann": "another password"}, "key-of-owner")
    assert set(_users(tmp_path)) == {OWNER, "ann", "ben"}
    assert _column(tmp_path, "SELECT password_hash FROM users WHERE username = 'ann'") == first
    log += _set_up(python, tmp_path, PASSWORDS, "another-key")
    assert _column(tmp_path, f"SELECT api_key FROM users WHERE username = '{OWNER}'") == ["another-key"]
    assert _column(tmp_path, "SELECT name FROM workspaces") == [WORKSPACE]
    assert log.count("made ann") == log.count("made ben") == 1
    keys = _column(tmp_path, "SELECT api_key FROM users")
    assert not [secret for secret in (*PASSWORDS.values(), "password-of-owner", "key-of-owner", *keys) if secret in log]


def _users(folder: Path) -> dict[str, tuple[str, bool]]:
    """Name -> role, and whether the API key is the one that was given."""
    with sqlite3.connect(folder / "argilla.db") as database:
        rows = database.execute("SELECT username, role, api_key FROM users").fetchall()
    database.close()
    return {name: (role, key == "key-of-owner") for name, role, key in rows}


def _column(folder: Path, query: str) -> list[str]:
    with sqlite3.connect(folder / "argilla.db") as database:
        rows = database.execute(query).fetchall()
    database.close()
    return [value for (value,) in rows]
