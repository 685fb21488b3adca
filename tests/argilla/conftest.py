"""A real argilla-server for the tests of this folder: its environment is built once, in the user's cache directory."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefmill.pipelines.embedded_argilla.environment import interpreter
from prefmill.pipelines.embedded_argilla.server import down
from prefmill.schemas.errors import UserError

from .running import Running


@pytest.fixture(name="python", scope="session")
def _python() -> Path:
    """The environment's interpreter. Where it cannot be built (no package index), the tests are skipped."""
    try:
        return interpreter(lambda line: None)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(name="running", scope="module")
def _running(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with an owner and two annotators."""
    del python
    running = Running(tmp_path_factory.mktemp("argilla") / "home", free_port())
    running.start()
    yield running
    down(running.home)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
