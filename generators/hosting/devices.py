"""The GPUs of this machine, and which models fit on them together."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...schemas.errors import EndpointError

if TYPE_CHECKING:
    from .settings import Hosted

ALL = 1.0
"""Of a GPU's memory. vLLM takes `gpu_memory_utilization` of the whole, so shares add up."""
_ROUNDING = 1e-9


def visible() -> tuple[int, ...]:
    """Numbers of the GPUs that may be used, as `CUDA_VISIBLE_DEVICES` or else `nvidia-smi` says; none without a GPU.

    The variable names them by number or by UUID, of which the beginning is enough, and what stands after the first that
    is none does not count (https://docs.nvidia.com/cuda/cuda-c-programming-guide/#env-vars). Raises `EndpointError`
    where it cannot be told which they are: a model must not run on the CPU because nobody found the GPU.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return tuple(_by_uuid()) if shutil.which("nvidia-smi") else ()
    found = []
    for name in filter(None, map(str.strip, named.split(","))):
        if name.lstrip("-").isdigit():
            if int(name) < 0:
                break
            found.append(int(name))
            continue
        fits = [number for number, uuid in _by_uuid().items() if uuid.startswith(name)]
        if len(fits) != 1:
            raise EndpointError(
                f"CUDA_VISIBLE_DEVICES={named}: nvidia-smi knows no GPU {name!r}. Give numbers or UUIDs of whole GPUs."
            )
        found += fits
    return tuple(found)


def _by_uuid() -> dict[int, str]:
    """Number of each GPU of the machine -> its UUID. Raises `EndpointError`."""
    asked = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True).stdout
        return {int(number): uuid.strip() for number, uuid in (line.split(",") for line in said.splitlines() if line)}
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        wrong = " ".join(str(getattr(error, "stdout", None) or error).split())[:200]
        raise EndpointError(
            f"nvidia-smi does not say which GPUs there are ({wrong}). Repair the driver, or set CUDA_VISIBLE_DEVICES to"
            " their numbers; to nothing for the CPU."
        ) from error


def placed(
    models: Sequence[Hosted], devices: Collection[int], held: Mapping[int, tuple[int, ...]] = MappingProxyType({})
) -> list[tuple[int, ...]] | None:
    """The GPUs for each model if all are loaded at once; None where they do not fit.

    `held`: number of a model -> the GPUs on which it is already.

    The largest shares are placed first, each on the GPUs with most room. Without a GPU the CPU counts as one, on which
    shares add up as on a GPU.
    """
    free = dict.fromkeys(devices or (-1,), ALL)
    found: dict[int, tuple[int, ...]] = {}
    order = sorted(
        range(len(models)), key=lambda i: (i not in held, -models[i].gpu_memory_utilization, -models[i].gpus, i)
    )
    for i in order:
        model = models[i]
        wanted = model.gpus * model.replicas if devices else 1
        room = list(held.get(i, ())) or sorted(free, key=lambda device: (-free[device], device))[:wanted]
        if len(room) < wanted or any(free[d] + _ROUNDING < model.gpu_memory_utilization for d in room):
            return None
        for device in room:
            free[device] -= model.gpu_memory_utilization
        found[i] = tuple(sorted(room)) if devices else ()
    return [found[i] for i in range(len(models))]
