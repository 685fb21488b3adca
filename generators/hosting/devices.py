"""The GPUs of this machine, and which models fit on them together."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import Hosted

ALL = 1.0
"""Of a GPU's memory. vLLM takes `gpu_memory_utilization` of the whole, so shares add up."""
_ROUNDING = 1e-9


def visible() -> tuple[int, ...]:
    """Numbers of the GPUs that may be used, as `CUDA_VISIBLE_DEVICES` or else `nvidia-smi` says; none without a GPU."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(int(number) for number in named.split(",") if number.strip().isdigit())
    if (program := shutil.which("nvidia-smi")) is None:
        return ()
    asked = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(line) for line in said.split() if line.isdigit())


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
