"""What the tests of hosted models share: a program that behaves like `vllm serve`, and recipe entries that start it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prefmill.generators.hosting import launcher
from prefmill.generators.providers.vllm_server import VLLMServer

from .loaded_vllm import loaded_fixture

__all__ = ["loaded_fixture"]  # A fixture that tests of this folder find here.
FAKE = Path(__file__).parents[2] / "fake_vllm.py"


@dataclass
class FakeVLLM:
    """A program that behaves like `vllm serve` (`tests/fake_vllm.py`), and what it keeps of its work."""

    state: Path

    def command(self, *options: str) -> tuple[str, ...]:
        """What stands before `serve`; `options` say how it behaves."""
        return (sys.executable, "-I", "-S", str(FAKE), *options, str(self.state))

    def entry(self, *options: str, **fields: object) -> VLLMServer:
        """A recipe entry of provider `vllm_server`."""
        return VLLMServer.model_validate({"model": "org/m", "command": self.command(*options), **fields})

    def starts(self) -> list[dict[str, Any]]:
        """`argv` from `serve` on, and `environment`, of each start."""
        return self._lines("starts.jsonl")

    def heard(self) -> list[str]:
        """The questions in the order of arrival."""
        return [body["messages"][-1]["content"] for body in self.bodies()]

    def bodies(self) -> list[dict[str, Any]]:
        """The request bodies in the order of arrival."""
        return self._lines("heard.jsonl")

    def left(self) -> list[int]:
        """Processes of it that still run."""
        path = self.state / "pids"
        pids = map(int, path.read_text().split()) if path.exists() else ()
        return [pid for pid in pids if (fields := launcher.fields_of(pid)) and fields[0] not in "ZX"]

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.state / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(name="fake_vllm")
def _fake_vllm(tmp_path: Path) -> FakeVLLM:
    """A `FakeVLLM` of the test's own."""
    return FakeVLLM(tmp_path / "fake")
