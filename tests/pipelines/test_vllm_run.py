"""A whole run on models in a real vLLM: two answer, one of them judges under a JSON schema; killed, then resumed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.hosting import launcher

from .. import tiny_model
from ..generators.hosting.loaded_vllm import ENGINE, ENVIRONMENT

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
TASKS = 40
IN_FLIGHT = 4
SCORES = {"enum": list(range(1, 10))}
SCHEMA = {
    "type": "object",
    "properties": {"first": SCORES, "second": SCORES},
    "required": ["first", "second"],
    "additionalProperties": False,
}
JUDGE = '''"""Two scores from 1 to 9, as a JSON object."""

import json

from prefmill.generators.judges import Judge, Reading
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.rows import Message


class Scores(Judge):
    """Two scores from 1 to 9, as a JSON object."""

    def ask(self, task, answers, with_reference):
        shown = "\\n".join(answer.text for answer in answers)
        return (Message(role="user", content=f"{task.instruction}\\n{shown}"[:200]),)

    def read(self, reply, answers):
        try:
            said = json.loads(reply)
        except ValueError as error:
            raise Unreadable(f"no JSON: {reply[:40]!r}") from error
        return Reading((float(said["first"]), float(said["second"])), "")
'''


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    """The recipe, its tasks and the two models; beside them the judge, as a package of somebody else's."""
    metadata = tmp_path / "site" / "scores-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: scores\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[prefmill.judges]\nscores = scores\n")
    (metadata.parent / "scores.py").write_text(JUDGE)
    tasks = [json.dumps({"id": f"q{n}", "instruction": f"What is {n}?"}) for n in range(TASKS)]
    (tmp_path / "tasks.jsonl").write_text("\n".join(tasks))
    entries = [
        {
            "provider": "vllm",
            "model": str(tiny_model.make_model(tmp_path / name, seed=seed)),
            "name": name,
            "max_model_len": 512,
            "dtype": "float32",
            "engine": ENGINE,
            "max_in_flight": IN_FLIGHT,
            "sampling": {"temperature": 1.0, "max_tokens": 60},
        }
        for seed, name in enumerate(("ash", "elm"))
    ]
    form = {"type": "json_schema", "json_schema": {"name": "scores", "schema": SCHEMA}}
    held = {"temperature": 1.0, "max_tokens": 200, "extra_body": {"response_format": form}}
    recipe = {
        "name": "own-models",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": entries,
        "compare": {"pairs": "all"},
        "judge": {
            "judge": "scores",
            "protocol": "both_orders",
            "teachers": [{**entries[0], "name": "ash-judging", "sampling": held}],
        },
        "exports": ["preference"],
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@contextmanager
def milling(recipe: Path, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """`prefmill run` in a process group of its own, which is gone afterwards."""
    command = [sys.executable, "-m", "prefmill", "run", str(recipe), "--run-dir", str(directory), "--json"]
    path = os.pathsep.join(filter(None, [str(recipe.parent / "site"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": path}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def finish(recipe: Path, directory: Path) -> dict[str, Any]:
    """A run to its end; its manifest."""
    with milling(recipe, directory) as process:
        _, said = process.communicate()
    assert process.returncode == 0, said
    manifest: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return manifest


def replies(directory: Path) -> list[tuple[str, str, str]]:
    """Stage, finish reason and text of every call in the ledger."""
    path = directory / "ledger.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as ledger:
        if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone():
            return []
        return ledger.execute("SELECT stage, finish_reason, text FROM calls").fetchall()


def descendants(pid: int) -> list[int]:
    return [one for child in launcher.children(pid) for one in (child, *descendants(child))]


def left(pids: Sequence[int]) -> list[int]:
    return [pid for pid in pids if (fields := launcher.fields_of(pid)) and fields[0] not in "ZX"]


def exported(directory: Path) -> dict[str, bytes]:
    folder = directory / "export" / "preference"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl"))}


def test_killed_and_gone_on_with(recipe: Path, tmp_path: Path) -> None:
    whole = finish(recipe, tmp_path / "whole")
    calls = replies(tmp_path / "whole")
    judged = [text for stage, reason, text in calls if stage == "judgments" and reason == "stop"]
    assert len(judged) >= TASKS
    for text in judged:
        assert set(json.loads(text)) == {"first", "second"}
    assert whole["stages"]["answers"]["in"] == 2 * TASKS
    assert whole["stages"]["verdicts"]["kept"] > 0
    assert sorted((one["models"], one["loads"]) for one in whole["engines"]) == [
        (["ash", "ash-judging"], 1), (["elm"], 1),
    ]  # fmt: skip

    directory = tmp_path / "killed"
    with milling(recipe, directory) as process:
        # In the middle of what the second model answers: the first pass's are there.
        while len(before := replies(directory)) < TASKS + TASKS // 2 and process.poll() is None:
            time.sleep(0.01)
        own = descendants(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    assert own, "there was an engine"
    latest = time.monotonic() + 30
    while left(own) and time.monotonic() < latest:
        time.sleep(0.05)
    assert left(own) == []
    kept = len(replies(directory))
    assert len(before) <= kept <= len(before) + 10 * IN_FLIGHT < len(calls)

    resumed = finish(recipe, directory)
    assert resumed["this_time"]["sent"] == len(calls) - kept
    assert resumed["stages"] == whole["stages"]
    assert sorted(replies(directory)) == sorted(calls), "every reply is that of a run that nothing disturbed"
    assert exported(directory) == exported(tmp_path / "whole")
    assert len(exported(directory)) > 0
