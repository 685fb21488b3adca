"""The GPUs of this machine, and which models fit on them together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...schemas.errors import EndpointError
from .nvidia_smi import GPU, PROGRAM, gpus

if TYPE_CHECKING:
    from .settings import Hosted

ALL = 0.95
"""Of a GPU's memory, what the shares of several models may add up to. vLLM takes `gpu_memory_utilization` of the whole
and wants as much free when it starts, but each engine's CUDA context and NCCL's buffers lie outside its share: one
model's share is less than 1 for that reason (vllm/v1/worker/utils.py, `request_memory`)."""
VARIABLE, ORDER, BY_BUS = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
"""CUDA counts GPUs from the fastest unless `ORDER` says `BY_BUS`, which is how `nvidia-smi` counts them."""
_ROUNDING = 1e-9


def visible(listed: Callable[[], Sequence[GPU]] = gpus) -> tuple[int, ...]:
    """Numbers of the GPUs that may be used, as `CUDA_VISIBLE_DEVICES` or else `nvidia-smi` says; none without a GPU.

    The variable names them by number or by UUID, of which the beginning is enough, and what stands after the first that
    is none does not count (https://docs.nvidia.com/cuda/cuda-c-programming-guide/#env-vars). `listed` asks
    `nvidia-smi`. Raises `EndpointError` where it cannot be told which they are: a model must not run on the CPU because
    nobody found the GPU.
    """
    named = os.environ.get(VARIABLE)
    if named is None:
        return tuple(gpu.number for gpu in listed()) if shutil.which(PROGRAM) else ()
    found = []
    for name in _names(named):
        if name.isdigit():
            found.append(int(name))
            continue
        fits = [gpu.number for gpu in listed() if gpu.uuid.startswith(name)]
        if len(fits) != 1:
            raise EndpointError(
                f"{VARIABLE}={named}: nvidia-smi knows no GPU {name!r}. Give numbers or UUIDs of whole GPUs."
            )
        found += fits
    return tuple(found)


def numbered_by_bus() -> bool:
    """Whether the numbers of `visible` are `nvidia-smi`'s; else they are CUDA's own, which a person has given."""
    named = os.environ.get(VARIABLE)
    own = named is not None and all(map(str.isdigit, _names(named)))
    return not own or os.environ.get(ORDER) == BY_BUS


def environment_for(devices: Sequence[int]) -> dict[str, str]:
    """The variables with which a program sees these GPUs of `visible` and no others; nothing for the CPU."""
    if not devices:
        return {}
    chosen = {VARIABLE: ",".join(map(str, devices))}
    return {**chosen, ORDER: BY_BUS} if numbered_by_bus() else chosen


def _names(named: str) -> list[str]:
    """What `CUDA_VISIBLE_DEVICES` names, up to a negative number."""
    names = list(filter(None, map(str.strip, named.split(","))))
    return list(takewhile(lambda name: not name.removeprefix("-").isdigit() or int(name) >= 0, names))


def placed(
    models: Sequence[Hosted], devices: Collection[int], held: Mapping[int, tuple[int, ...]] = MappingProxyType({})
) -> list[tuple[int, ...]] | None:
    """The GPUs for each model if all are loaded at once; None where they do not fit.

    `held`: number of a model -> the GPUs on which it is already.

    A model that is alone on a GPU may have any share. The largest shares are placed first, each on the GPUs with most
    room. Without a GPU the CPU counts as one, on which shares add up as on a GPU.
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
        if len(room) < wanted or any(free[d] + _ROUNDING < min(model.gpu_memory_utilization, ALL) for d in room):
            return None
        for device in room:
            free[device] -= model.gpu_memory_utilization
        found[i] = tuple(sorted(room)) if devices else ()
    return [found[i] for i in range(len(models))]
