"""A server that a test has started."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from prefmill.pipelines.embedded_argilla.server import Status, status, up
from prefmill.pipelines.embedded_argilla.upkeep import users

from .rest import Rest

WORKSPACE = "reviews"


@dataclass
class Running:
    """Where it is, and how to speak to it."""

    home: Path
    port: int

    def start(self) -> Status:
        """With an owner and the annotators ann and bob."""
        return up(self.home, lambda line: None, port=self.port, annotators=["ann", "bob"], workspace=WORKSPACE)

    def kill(self) -> None:
        """As a power cut would."""
        pid = status(self.home).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while status(self.home).running:
            time.sleep(0.02)

    def rest(self, user: str = "owner") -> Rest:
        """The API, as a user."""
        (known,) = [of for of in users(self.home) if of.name == user]
        return Rest(f"http://127.0.0.1:{self.port}", known.api_key)
