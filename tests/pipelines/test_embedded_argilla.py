"""The embedded Argilla server's management, as far as it needs no server: what is refused, locked, copied."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from prefmill.curation.argilla_server.home import Home, HomeInUse
from prefmill.pipelines.embedded_argilla.environment import environment_folder, interpreter
from prefmill.pipelines.embedded_argilla.server import default_home, down, status, up
from prefmill.pipelines.embedded_argilla.upkeep import add_users, backup, reindex, users
from prefmill.schemas.errors import UserError


def _unheard(line: str) -> None:
    raise AssertionError(f"nothing is built or started here, but: {line}")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_a_host_that_others_reach_has_to_be_confirmed(tmp_path: Path, host: str) -> None:
    with pytest.raises(UserError, match=f"host {host}: others could reach"):
        up(tmp_path, _unheard, host=host)


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"^port {port} on 127\.0\.0\.1 cannot be used \(.*\); give another one$"):
            up(tmp_path, _unheard, port=port)
    with pytest.raises(UserError, match="from 1 to 65535"):
        up(tmp_path, _unheard, port=0)


def test_a_server_that_ends_as_another_is_asked_for_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket() as other, ExitStack() as server:
        other.bind(("127.0.0.1", 0))
        server.enter_context(Home(tmp_path).held())
        ends = threading.Timer(0.3, server.close)
        ends.start()
        with pytest.raises(UserError, match="cannot be used"):  # It goes on to start one, on a port that is taken.
            up(tmp_path, _unheard, port=other.getsockname()[1])
        assert not ends.is_alive(), "the first one was waited for"


@pytest.mark.parametrize("name", ["", "-x", "a b", "../up", "é"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="a name has letters"):
        up(tmp_path, _unheard, annotators=[name])


def test_where_no_server_has_run_there_is_nothing_to_do(tmp_path: Path) -> None:
    home = tmp_path / "none"
    assert not status(home).running
    assert not down(home)
    assert users(home) == []
    for ask in (
        lambda: reindex(home, _unheard),
        lambda: backup(home, tmp_path / "copy"),
        lambda: add_users(home, ["ann"], _unheard),
    ):
        with pytest.raises(UserError, match="no Argilla server has run here"):
            ask()
    assert not home.exists()


def test_who_holds_a_home_is_known_until_it_ends(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.held() as announce:
        assert (status(tmp_path).running, status(tmp_path).url) == (True, None)
        announce("::1", 1)
        known = status(tmp_path)
        assert (known.pid, known.url, known.ready) == (os.getpid(), "http://[::1]:1", False)
        with pytest.raises(HomeInUse, match="runs here"), Home(tmp_path).held():
            raise AssertionError("held twice")
    assert not status(tmp_path).running


def test_what_a_dead_server_left_behind_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"pid": os.getpid(), "host": "127.0.0.1", "port": 1}))
    assert not status(tmp_path).running
    assert not down(tmp_path)


def test_a_backup_is_whole_private_and_overwrites_nothing(tmp_path: Path) -> None:
    home, copy = Home(tmp_path / "home"), tmp_path / "copy"
    home.make()
    home.write_secrets({"users": {"ann": {"role": "annotator", "password": "p", "api_key": "k"}}})
    with sqlite3.connect(home.database) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        database, secrets = backup(home.directory, copy)
    connection.close()
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    connection.close()
    assert [of.name for of in users(copy)] == ["ann"]
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    with pytest.raises(UserError, match="is there already"):
        backup(home.directory, copy)


def test_folders_follow_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert environment_folder().parent == tmp_path / "cache" / "prefmill"
    assert default_home() == tmp_path / "data" / "prefmill" / "argilla"


@pytest.mark.slow
def test_an_environment_that_cannot_be_built_is_one_line_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    folder = environment_folder()
    folder.mkdir(parents=True)
    (folder / "left").write_text("by a build that was interrupted")
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(UserError, match=r"cannot be built: ERROR: No matching distribution .*pip\.log\)$"):
            interpreter(said.append)
        assert not (folder / "left").exists()
    assert len(said) == 2
    assert str(folder) in said[0]
