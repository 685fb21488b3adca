"""A server's home directory: what lies in it, who runs on it, and what the server is told through its environment.

    argilla.db      Argilla's database: the truth
    search.db       the search engine's side file, made from it
    secrets.json    0600: passwords, API keys, and the key that signs sessions
    settings.json   what was chosen for this server and is kept: the tokenizer
    server.json     who serves; locked (flock) as long as that process lives
    server.log      and server.log.1 to .3

Source of the settings: argilla-server 2.8.0, `settings.py` and `security/settings.py`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from .tables import DEFAULT_TOKENIZER


class HomeInUse(RuntimeError):
    """A server, or a reindex, runs on this home directory."""


class Home:
    """The paths of a home directory, which need not be there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.database = self.directory / "argilla.db"
        self.index = self.directory / "search.db"
        self.secrets = self.directory / "secrets.json"
        self.settings = self.directory / "settings.json"
        self.state = self.directory / "server.json"
        self.log = self.directory / "server.log"

    def make(self) -> None:
        """The directory, for its owner's eyes alone. One that is there stays as it is."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def surround(self, temporary: str) -> None:
        """Set the environment and the folder of temporary files. Before argilla_server is imported, which reads both.

        Importing it copies its pages, 15 MB, into a temporary folder, and leaves them there.
        """
        tempfile.tempdir = temporary
        os.chdir(self.directory)  # An `.oauth.yaml` is looked for in the current directory.
        os.environ |= {
            "ARGILLA_HOME_PATH": str(self.directory),
            "ARGILLA_DATABASE_URL": f"sqlite+aiosqlite:///{self.database}?check_same_thread=False",
            "ARGILLA_DATABASE_SQLITE_TIMEOUT": "30",
            "ARGILLA_SEARCH_ENGINE": "prefmill",
            "ARGILLA_AUTH_SECRET_KEY": self.session_key(),
            "ARGILLA_CORS_ORIGINS": "[]",
            "ARGILLA_BASE_URL": "/",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
        }

    def session_key(self) -> str:
        """What signs sessions; kept, so that a restart signs nobody out."""
        known = self.read_secrets()
        if "session_key" not in known:
            known["session_key"] = secrets.token_hex(32)
            self.write_secrets(known)
        return str(known["session_key"])

    def read_secrets(self) -> dict[str, Any]:
        """`session_key`, and `users`: name -> role, password, api_key. Empty before the first start."""
        if not self.secrets.exists():
            return {}
        known: dict[str, Any] = json.loads(self.secrets.read_text(encoding="utf-8"))
        return known

    def write_secrets(self, known: dict[str, Any]) -> None:
        """Whole or not at all, and never readable by others."""
        self._write(self.secrets, known)

    def tokenizer(self) -> str:
        """How the search index cuts texts: one of `tables.TOKENIZERS`, as it was last chosen."""
        if not self.settings.exists():
            return DEFAULT_TOKENIZER
        return str(json.loads(self.settings.read_text(encoding="utf-8"))["tokenizer"])

    def choose_tokenizer(self, tokenizer: str) -> None:
        """Keep it for all starts to come; the index is made again at the next one."""
        self._write(self.settings, {"tokenizer": tokenizer})

    def _write(self, path: Path, value: dict[str, Any]) -> None:
        file, name = tempfile.mkstemp(dir=self.directory, prefix=f"{path.stem}-")  # 0600
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(value, stream, indent=2)
        Path(name).replace(path)

    def holder(self) -> dict[str, Any] | None:
        """Who holds the home directory: `pid`, and of a server `host`, `port` and `since`. None where nobody does."""
        if not self.state.exists():
            return None
        with self.state.open(encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = stream.read()
                known: dict[str, Any] = json.loads(text) if text.endswith("}") else {}
                return known
        return None

    @contextmanager
    def held(self) -> Iterator[Callable[[str, int], None]]:
        """Keep others off until the block ends; gives what tells them where the server is. Raises `HomeInUse`."""
        with self.state.open("a+", encoding="utf-8") as stream:
            self._lock(stream)

            def write(**where: str | int) -> None:
                stream.truncate(0)
                stream.write(json.dumps({"pid": os.getpid(), "since": time.time(), **where}))
                stream.flush()

            write()
            try:
                yield lambda host, port: write(host=host, port=port)
            finally:
                stream.truncate(0)

    def _lock(self, stream: TextIO) -> None:
        # Who looks whether it is held holds it for a moment, too.
        for wait in (0.1,) * 10 + (0,):
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(wait)
            else:
                return
        raise HomeInUse(f"{self.directory}: a server or a reindex runs here")

    @contextmanager
    def own_temporary_folder(self) -> Iterator[str]:
        """For who holds the home directory; what a killed server left is removed first."""
        folder = self.directory / "temporary"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield str(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
