"""Where `vllm.py` measures: the machine, a folder, and prompts."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import string
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from prefmill.generators.hosting.devices import visible
from prefmill.pipelines.checks.memories import devices as look


def devices(gpu: bool) -> tuple[int, ...]:
    """The GPU that is used; none: the CPU."""
    return visible()[:1] if gpu else ()


def prompts(shape: str, number: int, count: int, words: int) -> tuple[str, ...]:
    """Prompts of burst `number`, of so many tokens each, that share no beginning.

    Words of two letters, for each of which the tokenizer of `made_model.py` has a token.
    """
    drawn = random.Random(f"{shape} {number}")
    letters = string.ascii_lowercase
    return tuple(" ".join(drawn.choice(letters) + drawn.choice(letters) for _ in range(words)) for _ in range(count))


@contextlib.contextmanager
def environment(gpu: bool) -> Iterator[Path]:
    """A folder for everything; and on a CPU the metadata by which vLLM's command line looks itself up."""
    with tempfile.TemporaryDirectory(prefix="prefmill-vllm-") as name:
        folder = Path(name)
        os.environ.update({"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"})
        if not gpu:
            for key, value in {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
                               "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "CUDA_VISIBLE_DEVICES": ""}.items():  # fmt: skip
                os.environ.setdefault(key, value)
            with contextlib.suppress(metadata.PackageNotFoundError):
                version = metadata.version("vllm-cpu")
                site = folder / "site" / f"vllm-{version}.dist-info"
                site.mkdir(parents=True)
                (site / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")
                more = os.environ.get("PYTHONPATH")
                os.environ["PYTHONPATH"] = os.pathsep.join([str(site.parent), *([more] if more else [])])
        yield folder


def described(gpu: bool, shape: str, size: int) -> str:
    """The machine, the versions and the model, in a line."""
    places = look().memories.values()
    found = [name for name in ("vllm", "vllm-cpu", "torch", "prefmill") if list(metadata.distributions(name=name))]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in found)
    where = "; ".join(memory.name for memory in places)
    load = "" if gpu else f", load average {os.getloadavg()[0]:.1f} at the start"
    python = f"Python {platform.python_version()}"
    return f"{where}{load}; {python}, {versions}; {shape}: {size / 1e6:,.0f} MB"
