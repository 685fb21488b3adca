"""`vllm_server`: a server of the run's own, started, asked and stopped, with a real program in its place."""

from __future__ import annotations

import asyncio
import stat
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from prefmill.generators.hosting.engine import Engine, Served
from prefmill.generators.hosting.reason import reason
from prefmill.generators.providers.vllm_server import VLLMServer
from prefmill.schemas.errors import CallFailed, EndpointError

if TYPE_CHECKING:
    from ..conftest import RequestFor
    from .conftest import FakeVLLM


def started(
    entry: VLLMServer,
    folder: Path,
    then: Callable[[Engine], Coroutine[None, None, None]],
    adapters: tuple[str, ...] = (),
    devices: tuple[int, ...] = (),
) -> None:
    """Start an entry's engine, do something with it, and stop it."""

    async def work() -> None:
        engine = entry.make(adapters, folder, devices)
        assert not engine.alive()
        try:
            await engine.start()
            assert engine.alive()
            await then(engine)
        finally:
            await engine.stop()
        assert not engine.alive()

    asyncio.run(work())


def refused(entry: VLLMServer, folder: Path) -> str:
    """What is said of an engine that does not start."""

    async def nothing(_: Engine) -> None:
        raise AssertionError("it started")

    with pytest.raises(EndpointError) as caught:
        started(entry, folder, nothing)
    return str(caught.value)


def test_started_asked_and_stopped(
    fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(engine: Engine) -> None:
        replies = [await engine.complete(request_for(f"what is {n}"), None, 10) for n in range(2)]
        assert [reply.text for reply in replies] == ["org/m on what is 0", "org/m on what is 1"]
        assert replies[0].finish_reason == "stop"
        assert await engine.served() == Served(prompt_tokens=6, cached_tokens=3, completion_tokens=10)
        assert not await engine.sleep()  # There is no GPU whose memory could be freed.
        (private,) = Path(short).iterdir()
        assert stat.S_IMODE(private.stat().st_mode) == 0o700

    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        started(fake_vllm.entry("--child"), tmp_path / "engines", ask)
        assert list(Path(short).iterdir()) == []
    assert fake_vllm.left() == []
    (log,) = (tmp_path / "engines").iterdir()
    assert log.name == f"m-{fake_vllm.entry('--child').engine_key()}.log"
    assert "start number 1" in log.read_text()


def test_command_line_and_environment(fake_vllm: FakeVLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (template := tmp_path / "template.jinja").touch()
    entry = fake_vllm.entry(
        dtype="bfloat16",
        max_model_len=512,
        chat_template=template,
        gpus=2,
        replicas=2,
        engine={"enforce_eager": True, "enable_prefix_caching": False, "seed": None, "compilation_config": {"level": 3},
                "stop_token_ids": [1, 2]},
    )  # fmt: skip

    async def nothing(_: Engine) -> None:
        pass

    started(entry, tmp_path / "engines", nothing, devices=(4, 5, 6, 7))
    ((argv, environment),) = [(start["argv"], start["environment"]) for start in fake_vllm.starts()]
    assert argv[:3] == ["serve", "org/m", "--served-model-name=org/m"]
    assert argv[-1].startswith("--uds=")
    assert argv[3:-1] == [
        "--disable-uvicorn-access-log",
        "--dtype=bfloat16",
        "--max-model-len=512",
        "--gpu-memory-utilization=0.9",
        "--enforce-eager",
        "--no-enable-prefix-caching",
        '--compilation-config={"level": 3}',
        "--stop-token-ids",
        "1",
        "2",
        '--structured-outputs-config={"backend": "guidance"}',
        f"--chat-template={template}",
        "--enable-sleep-mode",
        "--tensor-parallel-size=2",
        "--data-parallel-size=2",
    ]
    wanted = {"CUDA_VISIBLE_DEVICES": "4,5,6,7", "VLLM_NO_USAGE_STATS": "1", "VLLM_SERVER_DEV_MODE": "1"}
    assert wanted.items() <= environment.items()
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert "VLLM_API_KEY" not in environment


def test_a_model_that_does_not_start_says_why_in_one_line(fake_vllm: FakeVLLM, tmp_path: Path) -> None:
    entry = fake_vllm.entry("--child", "--fails", "torch.OutOfMemoryError: CUDA out of memory.", name="big")
    said = refused(entry, tmp_path)
    log = tmp_path / f"m-{entry.engine_key()}.log"
    assert said.startswith("big: vLLM did not start: OutOfMemoryError: CUDA out of memory. Set a smaller ")
    assert said.endswith(f" (log: {log})")
    assert fake_vllm.left() == []


def test_a_model_that_takes_too_long(fake_vllm: FakeVLLM, tmp_path: Path) -> None:
    said = refused(fake_vllm.entry("--slow", "30", start_timeout=0.5), tmp_path)
    assert said.startswith("org/m: vLLM was not ready within 0.5 s (`start_timeout`). Its log: ")
    assert fake_vllm.left() == []


def test_a_start_that_is_cancelled_leaves_nothing(fake_vllm: FakeVLLM, tmp_path: Path) -> None:
    async def work() -> None:
        starting = asyncio.create_task(fake_vllm.entry("--slow", "30").make((), tmp_path, ()).start())
        while not fake_vllm.left():
            await asyncio.sleep(0.02)
        starting.cancel()
        await asyncio.wait([starting])
        assert starting.cancelled()

    asyncio.run(work())
    assert fake_vllm.left() == []


def test_a_temporary_folder_with_too_long_a_name(
    fake_vllm: FakeVLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (long := tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert refused(fake_vllm.entry(), tmp_path).endswith("Set TMPDIR to a folder with a short name.")
    assert list(long.iterdir()) == []


def test_what_is_wrong_is_said_before_anything_is_loaded(fake_vllm: FakeVLLM, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text('{"r": "high"}')
    wrong: list[tuple[dict[str, object], str]] = [
        ({"command": ["no-such-vllm"]}, "there is no program 'no-such-vllm'. Install vLLM (pip install vllm), or"),
        ({"model": "/no/model"}, "model: /no/model: there is no such file or folder"),
        ({"tokenizer": "./no/tokenizer"}, "tokenizer: ./no/tokenizer: there is no such"),
        ({"chat_template": "no.jinja"}, "chat_template: no.jinja: there is no such"),
        ({"adapter": "no/adapter"}, "adapter: no/adapter: no adapter_config.json there"),
        ({"adapter": str(tmp_path / "adapter")}, "r: a rank from 1 to 512 is what vLLM takes (got 'high')"),
    ]
    for fields, said in wrong:
        with pytest.raises(EndpointError) as caught:
            fake_vllm.entry(**fields).check()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    fake_vllm.entry().check()


@pytest.mark.parametrize(
    ("argument", "said"),
    [("tensor-parallel-size", "the recipe key is `gpus`"), ("port", "listens where only this run can reach it")],
)
def test_arguments_that_are_not_for_the_recipe(fake_vllm: FakeVLLM, argument: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        fake_vllm.entry(engine={argument: 1})


def test_a_prompt_that_is_too_long_fails_alone(fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path) -> None:
    async def ask(engine: Engine) -> None:
        with pytest.raises(CallFailed, match="maximum context length") as caught:
            await engine.complete(request_for("x" * 2000), None, 10)
        assert (caught.value.kind, caught.value.fatal) == ("rejected", False)
        assert (await engine.complete(request_for("short"), None, 10)).text == "org/m on short"
        with pytest.raises(CallFailed, match=r"timeout: the engine has answered nothing for 0\.001 s") as caught:
            await engine.complete(request_for("slow"), None, 0.001)
        assert engine.alive()

    started(fake_vllm.entry("--seconds", "0.05"), tmp_path, ask)


def test_adapters_are_asked_by_name(fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path) -> None:
    adapters = tuple(str(tmp_path / name) for name in ("kind", "strict"))
    for adapter, rank in zip(adapters, (8, 20), strict=True):
        Path(adapter).mkdir()
        (Path(adapter) / "adapter_config.json").write_text(f'{{"r": {rank}}}')

    async def ask(engine: Engine) -> None:
        asked = [request_for("a", temperature=0.5), request_for("b")]
        replies = [await engine.complete(one, adapter, 10) for one in asked for adapter in (None, *adapters)]
        names = ["org/m", *(f"adapter:{adapter}" for adapter in adapters)]
        assert [reply.text for reply in replies] == [f"{name} on {text}" for text in "ab" for name in names]

    started(fake_vllm.entry(), tmp_path / "engines", ask, adapters)
    assert [body.get("temperature") for body in fake_vllm.bodies()] == [0.5] * 3 + [None] * 3
    argv = fake_vllm.starts()[0]["argv"]
    # One slot more than adapters, without a GPU; the rank is the least that vLLM knows for both.
    assert {"--enable-lora", "--max-loras=3", "--max-lora-rank=32"} <= set(argv)


def test_sleeping_and_waking(fake_vllm: FakeVLLM, request_for: RequestFor, tmp_path: Path) -> None:
    async def ask(engine: Engine) -> None:
        assert await engine.sleep()
        with pytest.raises(CallFailed, match="timeout"):
            await engine.complete(request_for("a"), None, 0.1)
        await engine.wake()
        assert (await engine.complete(request_for("b"), None, 10)).text == "org/m on b"

    started(fake_vllm.entry(), tmp_path, ask, devices=(0,))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "it said nothing"),
        (["(APIServer pid=1) INFO 11-22 09:40:00 [x.py:1] loading", "Killed"], "Killed"),
        (["usage: vllm serve", "vllm serve: error: argument --dtype: bad"], "vllm serve: error: argument --dtype: bad"),
        (["(EngineCore pid=2) ERROR 11-22 09:40:00 [core.py:1] ValueError: not enough", "(APIServer pid=1) Traceback:",
          "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above."],
         "ValueError: not enough"),
        (["pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
          "  Value error, too long", "    For further information visit https://errors.pydantic.dev"],
         "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig Value error, too long"),
    ],
)  # fmt: skip
def test_the_reason_is_read_off_the_log(lines: list[str], said: str) -> None:
    assert reason(lines).startswith(said)
