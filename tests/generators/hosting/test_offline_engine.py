"""This process's side of the offline engine, with a program that speaks its protocol in vLLM's place."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from prefmill.generators.hosting.engine import Engine, Served
from prefmill.generators.hosting.offline import Offline
from prefmill.generators.providers import Reply, Request
from prefmill.generators.providers.vllm import VLLM
from prefmill.schemas.errors import CallFailed, EndpointError
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

FAKE = Path(__file__).with_name("fake_offline.py")


@pytest.fixture(name="python")
def _python(tmp_path: Path) -> Path:
    """A `python` that is `fake_offline.py`."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {FAKE} "$@"\n')
    script.chmod(0o755)
    return script


@pytest.fixture(name="entry")
def _entry(python: Path) -> VLLM:
    return VLLM(model="org/m", python=python, sleep=True)


def asked(text: str, sample: int = 0, **sampling: object) -> Request:
    messages = (Message(role="user", content=text),)
    return Request(messages, Sampling.model_validate(sampling), sample, Task(messages=messages))


def use(entry: VLLM, folder: Path, work: Callable[[Engine], Awaitable[None]], *, gpu: bool = False) -> None:
    """Start an engine, work with it, stop it."""

    async def run() -> None:
        engine = entry.make((), folder, (0,) if gpu else ())
        await engine.start()
        try:
            await work(engine)
        finally:
            await engine.stop()
            assert not engine.alive()

    asyncio.run(run())


def test_replies_come_back_with_what_they_took(entry: VLLM, tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        replies = await asyncio.gather(*(engine.complete(asked(f"q{n}"), None, 30) for n in range(300)))
        assert replies == [Reply(f"q{n}", "stop", 10, 3) for n in range(300)]
        assert await engine.served() == Served(3000, 1200, 900)

    use(entry, tmp_path, work)


def test_a_request_without_seed_gets_one_from_what_it_asks(entry: VLLM, tmp_path: Path) -> None:
    """The same in every process; another for another sample and for another parameter."""
    seeds: list[list[int]] = []

    async def work(engine: Engine) -> None:
        wanted = [asked("how?"), asked("how?"), asked("how?", sample=1), asked("how?", temperature=0.5)]
        seeds.append([json.loads((await engine.complete(one, None, 30)).text)[0] for one in wanted])

    for _ in range(2):
        use(entry, tmp_path, work)
    assert seeds[0] == seeds[1]
    assert seeds[0][0] == seeds[0][1]
    assert len(set(seeds[0])) == 3
    assert all(0 <= seed < 2**63 for seed in seeds[0])


def test_each_adapter_has_its_number(entry: VLLM, tmp_path: Path) -> None:
    for name, rank in (("a", 8), ("b", 64)):
        config = tmp_path / "adapters" / name / "adapter_config.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"r": rank}))
    names = [str(tmp_path / "adapters" / name) for name in "ab"]

    async def run() -> None:
        engine = entry.make(names, tmp_path, ())
        await engine.start()
        try:
            said = [json.loads((await engine.complete(asked("how?"), name, 30)).text)[1] for name in (None, *names)]
            assert said == [0, 1, 2]
        finally:
            await engine.stop()

    asyncio.run(run())


def test_what_takes_too_long_or_is_given_up_is_aborted(entry: VLLM, tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        with pytest.raises(CallFailed, match=r"timeout: the engine has answered nothing for 0\.1 s"):
            await engine.complete(asked("hang"), None, 0.1)
        given_up = asyncio.create_task(engine.complete(asked("hang"), None, 30))
        await engine.complete(asked("meanwhile"), None, 30)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        reply = await engine.complete(asked("aborted?"), None, 30)
        assert json.loads(reply.text) == [1, 3]

    use(entry, tmp_path, work)


def test_a_request_waits_for_as_long_as_others_are_answered(entry: VLLM, tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        waiting = asyncio.create_task(engine.complete(asked("hang"), None, 0.6))
        for _ in range(10):
            await asyncio.sleep(0.1)
            await engine.complete(asked("meanwhile"), None, 30)
        assert not waiting.done()
        with pytest.raises(CallFailed, match="timeout"):
            await waiting
        assert json.loads((await engine.complete(asked("aborted?"), None, 30)).text) == [1]

    use(entry, tmp_path, work)


def test_one_request_fails_alone(entry: VLLM, tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        good = [asyncio.create_task(engine.complete(asked(f"q{n}"), None, 30)) for n in range(5)]
        with pytest.raises(CallFailed, match="rejected: the prompt is too long"):
            await engine.complete(asked("too long"), None, 30)
        with pytest.raises(CallFailed, match=r"server_error: vLLM ended the request \(abort\)"):
            await engine.complete(asked("broken off"), None, 30)
        assert [reply.text for reply in await asyncio.gather(*good)] == [f"q{n}" for n in range(5)]

    use(entry, tmp_path, work)


def test_a_crash_fails_what_is_in_flight_and_the_next_process_works(entry: VLLM, tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        waiting = [asyncio.create_task(engine.complete(asked("hang"), None, 30)) for _ in range(3)]
        await engine.complete(asked("meanwhile"), None, 30)
        with pytest.raises(CallFailed, match=r"connection: the process of org/m has ended.*log: .*\.log"):
            await engine.complete(asked("die"), None, 30)
        failed = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in failed] == [CallFailed] * 3
        assert not engine.alive()
        with pytest.raises(CallFailed, match="connection"):
            await engine.complete(asked("more"), None, 30)
        assert (await engine.served()).completion_tokens == 3

    use(entry, tmp_path, work)

    async def again(engine: Engine) -> None:
        assert (await engine.complete(asked("more"), None, 30)).text == "more"

    use(entry, tmp_path, again)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("org/memory", r"org/memory: ValueError: No available memory for the cache blocks\. Raise gpu_.*log"),
        ("org/refused", r"org/refused: the adapter changes nothing \(log: .*\)"),
        ("org/never", r"org/never: not loaded within 2 s \(`start_timeout`\)"),
    ],
)
def test_a_model_that_does_not_load(python: Path, tmp_path: Path, model: str, message: str) -> None:
    async def run() -> None:
        entry = VLLM(model=model, python=python, start_timeout=2 if model == "org/never" else 60)
        engine = entry.make((), tmp_path, ())
        with pytest.raises(EndpointError, match=message):
            await engine.start()
        assert not engine.alive()
        assert list(tmp_path.glob("*.pid")) == [], "nothing is left running"

    asyncio.run(run())


def test_a_sleeping_model_is_not_asked(entry: VLLM, tmp_path: Path) -> None:
    """vLLM itself would let the request hang until it wakes."""

    async def work(engine: Engine) -> None:
        assert await engine.sleep()
        with pytest.raises(CallFailed, match="connection"):
            await engine.complete(asked("q"), None, 30)
        await engine.wake()
        assert (await engine.complete(asked("q"), None, 30)).text == "q"

    use(entry, tmp_path, work, gpu=True)

    async def on_cpu(engine: Engine) -> None:
        assert not await engine.sleep(), "there is no memory to give back"
        assert (await engine.complete(asked("q"), None, 30)).text == "q"

    use(entry, tmp_path, on_cpu)


def test_replicas_share_the_requests(entry: VLLM, tmp_path: Path) -> None:
    async def work(engine: Engine) -> None:
        assert not isinstance(engine, Offline)
        hanging = [asyncio.create_task(engine.complete(asked("hang"), None, 30)) for _ in range(3)]
        await asyncio.sleep(0)
        # Two hang at the first copy and one at the second, which is therefore the one that ends.
        with pytest.raises(CallFailed, match="connection"):
            await engine.complete(asked("die"), None, 30)
        assert not engine.alive()
        done, _ = await asyncio.wait(hanging, timeout=5)
        assert len(done) == 1
        for one in hanging:
            one.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert await engine.served() == Served()

    use(entry.model_copy(update={"replicas": 2}), tmp_path, work)
    assert len(list(tmp_path.glob("m-*-[12].log"))) == 2


def test_the_environment_hides_other_gpus(entry: VLLM, tmp_path: Path) -> None:
    engine = entry.make((), tmp_path, (3,))
    assert isinstance(engine, Offline)
    setup = engine._setup
    assert setup.environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert setup.environment["PATH"] == os.environ["PATH"]
    assert setup.arguments["enable_sleep_mode"] is True
    assert "enforce_eager" not in setup.arguments
