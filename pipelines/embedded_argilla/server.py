"""Starts the server, says whether it runs, and stops it.

Whether one runs on a home directory is told by a lock that it holds until it ends, however it ends: a process id that
was left behind and now belongs to another program is never signalled.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ...curation.argilla_server.home import Home
from ...curation.argilla_server.tables import TOKENIZERS
from ...schemas.errors import UserError
from ...schemas.errors import known as one_of
from ...schemas.frozen import Frozen
from .environment import Say, interpreter
from .launching import command, environment_variables, failure, names
from .probe import is_ready
from .upkeep import add_users

PORT = 6900
"""Argilla's own."""
START_LOG = "start.log"
"""In the home directory: what a server says before it logs."""
STARTS_WITHIN_S, STOPS_WITHIN_S = 180.0, 15.0


class Status(Frozen):
    """What is known of a home directory's server."""

    home: Path
    running: bool
    pid: int | None = None
    url: str | None = None
    ready: bool = False
    """Whether it answers."""
    users: tuple[str, ...] = ()
    """Those whose secrets are in `secrets.json`."""
    tokenizer: str
    """How the search index cuts texts."""
    log: Path


def default_home() -> Path:
    """`$XDG_DATA_HOME/prefmill/argilla` or `~/.local/share/prefmill/argilla`."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "prefmill" / "argilla"


def status(home: Path) -> Status:
    """Never waits for a server that hangs longer than a few seconds."""
    known = Home(home)
    state = known.holder()
    users = tuple(known.read_secrets().get("users", {}))
    url = f"http://{_for_url(state['host'])}:{state['port']}" if state and "port" in state else None
    return Status(
        home=known.directory,
        running=state is not None,
        pid=state.get("pid") if state else None,
        url=url,
        ready=url is not None and is_ready(url),
        users=users,
        tokenizer=known.tokenizer(),
        log=known.log,
    )


def up(
    home: Path,
    say: Say,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    owner: str = "owner",
    annotators: Sequence[str] = (),
    workspace: str = "reviews",
    exposed: bool = False,
    tokenizer: str | None = None,
) -> Status:
    """Start a server in the background and wait until it answers; one that runs already goes on as it is.

    Users that are missing are made, there too; their passwords and API keys are in the home directory's `secrets.json`.
    `exposed` confirms a host that others can reach. `tokenizer`: how the search index cuts texts, from now on; None: as
    before. Raises UserError for a port in use, a name that cannot be one, another tokenizer than that of a server that
    runs, an environment that cannot be built, and a server that does not start.
    """
    if tokenizer is not None and tokenizer not in TOKENIZERS:
        raise UserError(f"no tokenizer {tokenizer!r}. {one_of(tokenizer, TOKENIZERS)}")
    _check_host(host, exposed=exposed)
    names((owner, *annotators))
    if (running := status(home)).running:
        if tokenizer not in (None, running.tokenizer):
            raise UserError(f"{running.home}: a server runs here with tokenizer {running.tokenizer}; stop it first")
        if _goes_on(home):
            say(f"a server runs already, as process {running.pid}")
            if missing := [name for name in annotators if name not in running.users]:
                add_users(home, missing, say, workspace=workspace)
            return status(home)
    _check_port(host, port)
    asked = ["serve", f"--home={home.resolve()}", f"--host={host}", f"--port={port}", f"--owner={owner}"]
    asked += [f"--workspace={workspace}", *(f"--annotator={name}" for name in annotators)]
    asked += [f"--tokenizer={tokenizer}"] if tokenizer is not None else []
    python = interpreter(say)
    known = Home(home)
    known.make()
    say(f"starting the Argilla server; its log is {known.log}")
    with (known.directory / START_LOG).open("wb") as stream:
        process = subprocess.Popen(
            command(python, *asked),
            env=environment_variables(),
            cwd=known.directory,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    now = _when_ready(home, process)
    # It is left to itself: without this, Python warns of a child that nobody waits for.
    process.returncode = 0
    return now


def down(home: Path) -> bool:
    """Stop the server; whether there was one. Requests have a few seconds to end; then it is killed."""
    now = status(home)
    if not now.running:
        return False
    if now.pid is None:
        raise UserError(f"{now.home}: a server is just starting; try again in a moment")
    for number, within in ((signal.SIGTERM, STOPS_WITHIN_S), (signal.SIGKILL, STOPS_WITHIN_S)):
        os.kill(now.pid, number)
        latest = time.monotonic() + within
        while time.monotonic() < latest:
            if Home(home).holder() is None:
                return True
            time.sleep(0.05)
    raise UserError(f"{now.home}: process {now.pid} does not end")


def _when_ready(home: Path, process: subprocess.Popen[bytes]) -> Status:
    """Wait for a server that was just started."""
    known = Home(home)
    latest = time.monotonic() + STARTS_WITHIN_S
    while not (now := status(home)).ready or now.pid != process.pid:
        if process.poll() is not None:
            raise UserError(f"the Argilla server did not start: {failure(known.directory / START_LOG, known.log)}")
        if time.monotonic() > latest:
            process.kill()
            process.wait()
            raise _silent(known)
        time.sleep(0.1)
    return now


def _goes_on(home: Path) -> bool:
    """Wait for the server that holds the home directory; False where it ends instead."""
    latest = time.monotonic() + STARTS_WITHIN_S
    while not (now := status(home)).ready:
        if not now.running:
            return False
        if time.monotonic() > latest:
            raise _silent(Home(home))
        time.sleep(0.1)
    return True


def _silent(known: Home) -> UserError:
    return UserError(f"the Argilla server did not answer within {STARTS_WITHIN_S:.0f} s; its log: {known.log}")


def _check_host(host: str, *, exposed: bool) -> None:
    loopback = host == "localhost"
    with suppress(ValueError):  # A name, which may stand for any address.
        loopback = loopback or ipaddress.ip_address(host).is_loopback
    if not loopback and not exposed:
        raise UserError(
            f"host {host}: others could reach the server there, without encryption. Known: 127.0.0.1, ::1, localhost; "
            "another host has to be confirmed"
        )


def _check_port(host: str, port: int) -> None:
    if not 0 < port < 2**16:
        raise UserError(f"port {port}: a port is from 1 to 65535")
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise UserError(f"host {host}: there is no such host") from None
    except OSError as error:
        raise UserError(f"port {port} on {host} cannot be used ({error.strerror}); give another one") from None


def _for_url(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{shown}]" if ":" in shown else shown
