"""Models that a real vLLM cannot load, and one whose process is killed. Tiny models, CPU; each loads vLLM anew."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from prefmill.generators.hosting import launcher
from prefmill.generators.providers.vllm import VLLM
from prefmill.schemas.errors import CallFailed, EndpointError

from ... import tiny_model
from .loaded_vllm import ENGINE, ENVIRONMENT, asked

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def entry(model: Path | str, **fields: object) -> VLLM:
    plain = {"model": str(model), "max_model_len": 512, "dtype": "float32", "engine": ENGINE}
    return VLLM.model_validate({**plain, **fields})


def no_model(folder: Path) -> VLLM:
    (folder / "empty").mkdir()
    return entry(folder / "empty")


def no_template(folder: Path) -> VLLM:
    return entry(tiny_model.make_model(folder / "m", chat_template=None))


def no_memory(folder: Path) -> VLLM:
    return entry(tiny_model.make_model(folder / "m"), engine={**ENGINE, "kv_cache_memory_bytes": 2**17})


def not_an_argument(folder: Path) -> VLLM:
    return entry(tiny_model.make_model(folder / "m"), engine={**ENGINE, "max_num_seq": 8})


def too_much_context(folder: Path) -> VLLM:
    return entry(tiny_model.make_model(folder / "m"), max_model_len=100_000)


def without_effect(folder: Path) -> VLLM:
    """Of this adapter one matrix is zero, as before any training."""
    model = tiny_model.make_model(folder / "m")
    return entry(model, adapter=str(tiny_model.make_adapter(folder / "a", model, seed=1, scale=0.0)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_model, r"empty: ValidationError: Invalid repository ID or local dir.*Is `model` the .*\(log: .*\.log\)$"),
        (no_template, r"m: ChatTemplateResolutionError: .*Set chat_template to a file with one\. \(log"),
        (no_memory, r"m: ValueError: .*KV cache.*Set a smaller max_model_len, or raise gpu_memory_utilization\. \(log"),
        (not_an_argument, r"m: engine\.max_num_seq: vLLM has no such .* Did you mean 'max_num_seqs'\? \(log"),
        (too_much_context, r"m: ValidationError: User-specified max_model_len \(100000\) is greater than the derived"),
        (without_effect, r"m: the adapter in .*/a changes nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, make: Callable[[Path], VLLM], message: str) -> None:
    bad = make(tmp_path)
    adapters = () if bad.adapter is None else (bad.adapter,)

    async def run() -> None:
        engine = bad.make(adapters, tmp_path / "logs", ())
        with pytest.raises(EndpointError, match=message) as caught:
            await engine.start()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 900

    asyncio.run(run())


def test_a_killed_process_fails_what_is_in_flight(tmp_path: Path) -> None:
    good = entry(tiny_model.make_model(tmp_path / "m"))

    async def run() -> None:
        engine = good.make((), tmp_path / "logs", ())
        await engine.start()
        try:
            endless = asked("On and on.", temperature=1.0, extra_body={"ignore_eos": True})
            waiting = [asyncio.create_task(engine.complete(endless, None, 600)) for _ in range(64)]
            await asyncio.sleep(0.05)
            (program,) = [pid for pid, line in commands() if "offline_process/__main__" in line]
            os.kill(program, signal.SIGKILL)
            failed = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(one) for one in failed} == {CallFailed}
            assert all(isinstance(one, CallFailed) and one.kind == "connection" for one in failed)
            assert not engine.alive()
        finally:
            await engine.stop()

    asyncio.run(run())


def commands() -> list[tuple[int, str]]:
    """Programs that launchers of this process run: their id and command line."""
    own = {pid for pid, fields in launcher.processes() if fields[1] == str(os.getpid())}
    return [
        (pid, Path(f"/proc/{pid}/cmdline").read_text())
        for pid, fields in launcher.processes()
        if fields[1].isdigit() and int(fields[1]) in own
    ]
