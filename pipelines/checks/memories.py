"""The memory that models are loaded into: each GPU's as `nvidia-smi` tells it, or without a GPU the machine's own.

Source: `nvidia-smi --help-query-gpu`; for the machine /proc/meminfo (proc_meminfo(5)), which is also what vLLM's CPU
build goes by (vllm/v1/worker/cpu_worker.py).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...generators.hosting.devices import visible
from ...schemas.errors import EndpointError
from . import PROBE_S, Check

GIB = 2**30
CPU = -1
"""Number that stands for the machine where there is no GPU, as in `hosting/devices.py`."""
VARIABLE = "CUDA_VISIBLE_DEVICES"
_QUERY = "index,name,memory.total,memory.free,driver_version"


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


def devices() -> Devices:
    """Ask `nvidia-smi`. Takes a moment, or the driver's time to wake up."""
    try:
        chosen = visible()
    except EndpointError as error:
        return Devices({}, problem=str(error))
    if (program := shutil.which("nvidia-smi")) is None:
        unknown = {number: Memory("not known: there is no nvidia-smi", 0, 0) for number in chosen}
        return Devices(unknown or {CPU: machine()})
    asked = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=PROBE_S, check=False)
    if done.returncode:
        said = " ".join((done.stdout or done.stderr).split())[:200]
        return Devices({}, problem=f"nvidia-smi: {said or f'ended with {done.returncode}'}. Is the driver loaded?")
    found: dict[int, Memory] = {}
    driver = ""
    for line in done.stdout.splitlines():
        number, name, total, free, driver = (text.strip() for text in line.split(","))
        found[int(number)] = Memory(name, _mebibytes(total), _mebibytes(free))
    if missing := [number for number in chosen if number not in found]:
        here = ", ".join(map(str, found)) or "none"
        said = f"{VARIABLE}={os.environ[VARIABLE]}: there is no GPU {missing[0]}; here: {here}"
        return Devices({}, problem=f"{said}. Correct {VARIABLE}, or unset it.")
    return Devices({number: found[number] for number in chosen} or {CPU: machine()}, driver)


def machine() -> Memory:
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
        f"{number}: {memory.name}, {memory.total / GIB:.1f} GiB, {memory.free / GIB:.1f} GiB free"
        for number, memory in found.memories.items()
        if number != CPU
    ]
    if each:
        driver = f"; driver {found.driver}" if found.driver else ""
        return Check("GPUs", "ok", "; ".join(each) + driver)
    own = found.memories[CPU]
    return Check("GPUs", "ok", f"none: models run on {own.name}, {own.total / GIB:.1f} GiB, {own.free / GIB:.1f} free")


def _mebibytes(text: str) -> int:
    """Bytes; 0 for `[N/A]`, which GPUs say that have no memory of their own."""
    return int(text) * 2**20 if text.isdigit() else 0
