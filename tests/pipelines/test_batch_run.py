"""Whole runs in batch mode against the simulated world's Batch API: killed, stopped and cancelled at any moment."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest
from aiohttp import web

from prefmill.cli import main
from prefmill.generators.ledger import Ledger
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldBatches, WorldSettings
from prefmill.pipelines.batches import cancel
from prefmill.schemas.errors import RunDirectoryError

TASKS = 12
CALLS = 3 * TASKS + 2 * TASKS
"""Three answers a task, and one pair of them judged in both orders."""


@dataclass
class Relay:
    """A server between a run and its world, which does something at a chosen request."""

    target: str
    wanted: tuple[str, str, str] = ("", "", "")
    """Method, a part of the path, and whether before or after the request has reached the world."""
    act: Callable[[], None] = lambda: None
    heard: Counter[str] = field(default_factory=Counter)
    slow: bool = False
    """Whether batches are shown as unfinished, whatever the world says."""

    async def handle(self, request: web.Request) -> web.Response:
        """Pass a request on."""
        body, method = await request.read(), request.method
        name = f"{method} {request.path}"
        self.heard[name] += 1
        chosen = method == self.wanted[0] and self.wanted[1] in request.path
        if chosen and self.wanted[2] == "before":
            self._act()
        kept = {key: request.headers[key] for key in ("Content-Type", "Authorization") if key in request.headers}
        url = self.target.removesuffix("/v1") + request.path_qs
        async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=kept) as reply:
            content = await reply.read()
        if self.slow and method == "GET" and "/batches/" in request.path:
            content = json.dumps({**json.loads(content), "status": "in_progress"}).encode()
        if chosen and self.wanted[2] == "after":
            self._act()
        if chosen and self.wanted[2] == "later":
            asyncio.get_running_loop().call_later(0.03, self._act)
        return web.Response(body=content, status=reply.status, content_type=reply.content_type)

    def looked_at(self) -> int:
        """How many batches a run has looked at."""
        return len([name for name in self.heard if name.startswith("GET /v1/batches/")])

    def _act(self) -> None:
        act, self.act = self.act, lambda: None
        act()


@contextmanager
def relaying(target: str) -> Iterator[tuple[str, Relay]]:
    """A relay in front of a world, in a thread; its address, and the relay itself."""
    relay = Relay(target)
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        application, stop = web.Application(client_max_size=2**24), asyncio.Event()
        application.router.add_route("*", "/{path:.*}", relay.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.set_result((f"http://127.0.0.1:{runner.addresses[0][1]}/v1", asyncio.get_running_loop(), stop))
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    address, loop, stop = started.result()
    try:
        yield address, relay
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def recipe(
    folder: Path,
    base_url: str,
    mode: str = "batch",
    teacher: str | None = None,
    **batch: Any,  # noqa: ANN401 - recipe keys
) -> Path:
    """A recipe of three answering models and one teacher, whose mode may differ, and its tasks."""
    lines = [json.dumps({"id": str(k), "instruction": f"Say {k}."}) for k in range(TASKS)]
    (folder / "tasks.jsonl").write_text("\n".join(lines))
    chosen = {"mode": mode, "batch": {"linger": 0.1, "poll_every": 0.03, **batch}}
    entry = {"provider": "openai", "base_url": base_url, "price": {"input": 1, "output": 1}, **chosen}
    path = folder / f"{mode}.json"
    content = {
        "name": mode,
        "seed": 1,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**entry, "model": name} for name in ("sim-oak-8b", "sim-elm-9b")]
        # With a seed: a single call that a kill cuts short is sent again, and the world is to say the same.
        + [{**entry, "model": "sim-pine-7b", "mode": "online", "sampling": {"seed": 1}}],
        "compare": {"pairs": "random", "per_task": 1},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{**entry, "model": "sim-teacher-strong", "mode": teacher or mode}],
        },
        "exports": ["judgelm", "preference"],
    }
    path.write_text(json.dumps(content))
    return path


_context = multiprocessing.get_context("forkserver")
# Importing distilabel takes seconds: every run of these tests is a fork of one process that has done so.
_context.set_forkserver_preload(["prefmill.cli", "prefmill.pipelines.run", "prefmill.pipelines.engine", "openai"])


def begun(folder: Path, path: Path, *options: str) -> Any:  # noqa: ANN401 - the process of a context has no public type
    """`prefmill run` as a process of its own."""
    process = _context.Process(target=main, args=(["run", str(path), "--run-dir", str(folder / "run"), *options],))
    process.start()
    return process


def ended(process: Any, seconds: float = 30) -> int:  # noqa: ANN401 - as above
    """Exit code of a process."""
    process.join(seconds)
    assert process.exitcode is not None
    return int(process.exitcode)


def submitted(world: str) -> Counter[str]:
    """How often each `custom_id` stands in a batch that the world was given."""
    with urlopen(f"{world}/batches?limit=1000") as reply:
        batches = json.load(reply)["data"]
    names: Counter[str] = Counter()
    for batch in batches:
        with urlopen(f"{world}/files/{batch['input_file_id']}/content") as reply:
            names.update(json.loads(line)["custom_id"] for line in reply)
    return names


def exports(folder: Path) -> dict[str, bytes]:
    """The exported rows."""
    return {path.name: path.read_bytes() for path in sorted((folder / "run" / "export").glob("*/*.jsonl"))}


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run" / "manifest.json").read_text())
    return content


def costs(folder: Path) -> dict[tuple[str, str], float | None]:
    with Ledger.open(folder / "run" / "ledger.sqlite") as ledger:
        return {(row.stage, row.model): row.cost_usd for row in ledger.totals()}


@pytest.fixture(scope="module", name="online")
def _online(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An online run on the world with the seed 5."""
    folder = tmp_path_factory.mktemp("online")
    with running(WorldSettings(seed=5)) as world:
        assert ended(begun(folder, recipe(folder, world.base_url, "online"))) == 0
    return folder


def test_a_run_in_batches_exports_what_an_online_run_exports_at_half_the_price(online: Path, tmp_path: Path) -> None:
    with running(WorldSettings(seed=5, batches=WorldBatches(seconds=0.2))) as world:
        path = recipe(tmp_path, world.base_url, max_requests=5)
        assert ended(begun(tmp_path, path)) == 0
        names = submitted(world.base_url)
        # The mode says how calls are made, not what is asked: the run goes on in the other one.
        assert ended(begun(tmp_path, recipe(tmp_path, world.base_url, "online"))) == 0
        assert submitted(world.base_url) == names
    assert exports(tmp_path) == exports(online)
    assert set(names.values()) == {1}
    assert len(names) == CALLS - TASKS
    batches = manifest(tmp_path)["batches"]
    assert sum(batch["requests"] for batch in batches) == CALLS - TASKS
    assert max(batch["requests"] for batch in batches) == 5
    assert {batch["state"] for batch in batches} == {"saved"}
    half, full = costs(tmp_path), costs(online)
    for key, cost in full.items():
        assert cost is not None
        assert half[key] == pytest.approx(cost if key[1] == "sim-pine-7b" else cost / 2)
    assert manifest(tmp_path)["this_time"]["sent"] == 0


MOMENTS = [
    ("POST", "/files", "after"),
    ("POST", "/batches", "before"),
    ("POST", "/batches", "after"),
    ("POST", "/batches", "later"),
    ("GET", "/batches/", "before"),
    ("GET", "/content", "before"),
    ("GET", "/content", "after"),
    ("GET", "/content", "later"),
]
"""When a run is killed: at which request, and whether before or after it has reached the world."""


def killed(folder: Path, path: Path, relay: Relay, moment: tuple[str, str, str], skipped: int = 0) -> None:
    """A run that is killed at a moment, after it has come to that moment a few times before."""
    process = begun(folder, path)
    left = skipped

    def kill() -> None:
        nonlocal left
        if left == 0:
            os.kill(process.pid, signal.SIGKILL)
        else:
            left, relay.act = left - 1, kill

    relay.wanted, relay.act = moment, kill
    assert ended(process) == -signal.SIGKILL
    relay.wanted = ("", "", "")


def test_a_run_that_is_killed_again_and_again_submits_nothing_twice(online: Path, tmp_path: Path) -> None:
    settings = WorldSettings(seed=5, batches=WorldBatches(seconds=0.1))
    with running(settings) as world, relaying(world.base_url) as (address, relay):
        path = recipe(tmp_path, address, max_requests=3)
        for moment in MOMENTS[::2] + MOMENTS[1:2]:
            killed(tmp_path, path, relay, moment)
        assert ended(begun(tmp_path, path)) == 0
        names = submitted(world.base_url)
    assert set(names.values()) == {1}
    assert len(names) == CALLS - TASKS
    assert exports(tmp_path) == exports(online)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS, ids=" ".join)
def test_a_killed_run_submits_nothing_twice(online: Path, tmp_path: Path, moment: tuple[str, str, str]) -> None:
    settings = WorldSettings(seed=5, batches=WorldBatches(seconds=0.2))
    with running(settings) as world, relaying(world.base_url) as (address, relay):
        path = recipe(tmp_path, address, max_requests=10)
        killed(tmp_path, path, relay, moment)
        killed(tmp_path, path, relay, moment, skipped=2)
        assert ended(begun(tmp_path, path)) == 0
        names = submitted(world.base_url)
    assert set(names.values()) == {1}
    assert len(names) == CALLS - TASKS
    assert exports(tmp_path) == exports(online)


def test_a_stopped_run_says_how_many_batches_go_on_and_finds_them_again(online: Path, tmp_path: Path) -> None:
    with running(WorldSettings(seed=5)) as world, relaying(world.base_url) as (address, relay):
        path = recipe(tmp_path, address)
        relay.slow = True
        command = [sys.executable, "-m", "prefmill", "run", str(path), "--run-dir", str(tmp_path / "run")]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        while relay.looked_at() < 2:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 3
        assert "2 batches go on at the endpoint" in said.splitlines()[-1]
        relay.slow = False
        assert ended(begun(tmp_path, path)) == 0
        names = submitted(world.base_url)
    assert set(names.values()) == {1}
    assert exports(tmp_path) == exports(online)


@pytest.mark.parametrize("fallback", ["online", "fail"])
def test_what_a_batch_does_not_answer_goes_online_or_fails(online: Path, tmp_path: Path, fallback: str) -> None:
    settings = WorldSettings(seed=5, batches=WorldBatches(failed=0.1, expired=0.15))
    with running(settings) as world:
        path = recipe(tmp_path, world.base_url, fallback=fallback)
        assert ended(begun(tmp_path, path)) == 0
        stages = manifest(tmp_path)["stages"]
        if fallback == "online":
            assert exports(tmp_path) == exports(online)
            assert not stages["answers"]["failed"]
            half, full = costs(tmp_path), costs(online)
            assert any((full[key] or 0) / 2 < (half[key] or 0) < (full[key] or 0) for key in full)
            assert set(submitted(world.base_url).values()) == {1}
            return
        assert set(stages["answers"]["failed"]) == {"expired", "server_error"}
        kept = stages["answers"]["kept"]
        assert ended(begun(tmp_path, path)) == 0
        assert manifest(tmp_path)["stages"]["answers"]["kept"] == kept
        for _ in range(12):
            assert ended(begun(tmp_path, path, "--retry-failed")) == 0
            if not any(stage["failed"] for stage in manifest(tmp_path)["stages"].values()):
                break
        assert exports(tmp_path) == exports(online)


def test_cancelled_batches_keep_what_they_have_done(
    online: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they have not done goes online, as everything does that a batch leaves."""
    settings = WorldSettings(seed=5, batches=WorldBatches(seconds=30))
    with running(settings) as world, relaying(world.base_url) as (address, relay):
        path = recipe(tmp_path, address, teacher="online")
        process = begun(tmp_path, path)
        while relay.looked_at() < 2:
            assert process.is_alive()
            time.sleep(0.02)
        with pytest.raises(RunDirectoryError, match="is running here"):
            cancel(tmp_path / "run")
        os.kill(process.pid, signal.SIGKILL)
        ended(process)
        cancelled = cancel(tmp_path / "run")
        assert [(batch.model, batch.status, batch.requests) for batch in cancelled] == [
            ("sim-oak-8b", "cancelling", TASKS),
            ("sim-elm-9b", "cancelling", TASKS),
        ]
        assert ended(begun(tmp_path, path)) == 0
        assert set(submitted(world.base_url).values()) == {1}
        with pytest.raises(SystemExit) as ends:
            main(["cancel", str(tmp_path / "run")])
        assert ends.value.code == 0
        assert "no batch of this run is under way" in capsys.readouterr().out
    assert exports(tmp_path) == exports(online)


def test_a_batch_that_is_too_large_for_the_account_is_halved_until_it_fits(online: Path, tmp_path: Path) -> None:
    settings = WorldSettings(seed=5, batches=WorldBatches(seconds=0.1, enqueued_tokens=3000))
    with running(settings) as world:
        assert ended(begun(tmp_path, recipe(tmp_path, world.base_url))) == 0
    assert exports(tmp_path) == exports(online)
    batches = manifest(tmp_path)["batches"]
    assert any(batch["state"] == "refused" for batch in batches)
    assert sum(batch["requests"] for batch in batches if batch["state"] == "saved") == CALLS - TASKS
