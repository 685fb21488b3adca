"""The memory that models are loaded into: each GPU's as `nvidia-smi` tells it, or without a GPU the machine's own.

Source: `nvidia-smi --help-query-gpu`; for the machine /proc/meminfo (proc_meminfo(5)), which is also what vLLM's CPU
build goes by (vllm/v1/worker/cpu_worker.py).
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...generators.hosting.devices import BY_BUS, ORDER, VARIABLE, numbered_by_bus
from ...generators.hosting.machine import Machine
from ...generators.hosting.nvidia_smi import PROGRAM
from ...schemas.errors import EndpointError
from . import Check

GIB = 2**30
CPU = -1
"""Number that stands for the machine where there is no GPU, as in `hosting/devices.py`."""
UNORDERED = "the GPUs differ, and CUDA numbers them otherwise than nvidia-smi"


@dataclass(frozen=True, slots=True)
class Memory:
    """One place where a model may be loaded."""

    name: str
    total: int
    """Bytes; 0 where it is not told."""
    free: int
    """Bytes that nothing uses now."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What there is to load models on."""

    memories: Mapping[int, Memory]
    """Number of a GPU that may be used -> its memory; `CPU` alone where there is none; nothing after a problem."""
    driver: str = ""
    problem: str = ""
    """Why it cannot be told, and what to do; empty where it can."""

    @property
    def gpus(self) -> tuple[int, ...]:
        """Their numbers; none: models run on the CPU."""
        return tuple(number for number in self.memories if number != CPU)


def devices(machine: Machine) -> Devices:
    """Ask `nvidia-smi`. Takes a moment, or the driver's time to wake up."""
    try:
        chosen = machine.visible()
        if not chosen:
            return Devices({CPU: own_memory()})
        if shutil.which(PROGRAM) is None:
            return Devices({number: Memory("not known: there is no nvidia-smi", 0, 0) for number in chosen})
        here = {gpu.number: gpu for gpu in machine.gpus()}
    except EndpointError as error:
        return Devices({}, problem=str(error))
    if missing := [number for number in chosen if number not in here]:
        known = ", ".join(map(str, here)) or "none"
        said = f"{VARIABLE}={os.environ[VARIABLE]}: there is no GPU {missing[0]}; here: {known}"
        return Devices({}, problem=f"{said}. Correct {VARIABLE}, or unset it.")
    driver = here[chosen[0]].driver
    if len({(gpu.name, gpu.total) for gpu in here.values()}) > 1 and not numbered_by_bus():
        return Devices({number: Memory(f"not known: {UNORDERED}", 0, 0) for number in chosen}, driver)
    own = {number: Memory(here[number].name, here[number].total, here[number].free) for number in chosen}
    return Devices(own, driver)


def own_memory() -> Memory:
    """The machine's own memory."""
    said = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    total, free = (int(said[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    return Memory(f"the CPU ({platform.machine()}, {os.cpu_count()} cores)", total, free)


def gpus(found: Devices) -> Check:
    """Which GPUs there are, or that models run on the CPU."""
    if found.problem:
        said, _, fix = found.problem.partition(". ")
        return Check("GPUs", "red", said, fix)
    each = [
        f"{number}: {memory.name}"
        + (f", {memory.total / GIB:.1f} GiB, {memory.free / GIB:.1f} GiB free" if memory.total else "")
        for number, memory in found.memories.items()
        if number != CPU
    ]
    if any(memory.name.endswith(UNORDERED) for memory in found.memories.values()):
        fix = f"export {ORDER}={BY_BUS}, and name them in {VARIABLE} as nvidia-smi does."
        return Check("GPUs", "skipped", "; ".join(each), fix)
    if each:
        driver = f"; driver {found.driver}" if found.driver else ""
        return Check("GPUs", "ok", "; ".join(each) + driver)
    own = found.memories[CPU]
    return Check("GPUs", "ok", f"none: models run on {own.name}, {own.total / GIB:.1f} GiB, {own.free / GIB:.1f} free")
