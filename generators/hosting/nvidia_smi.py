"""The GPUs of this machine as `nvidia-smi` lists them (`nvidia-smi --help-query-gpu`)."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from ...schemas.errors import EndpointError

PROGRAM = "nvidia-smi"
REPLY_S = 30.0
"""Seconds that it has for a reply: without persistence mode the driver first wakes the GPUs up."""
_QUERY = "index,uuid,memory.total,memory.free,driver_version,name"


@dataclass(frozen=True, slots=True)
class GPU:
    """One GPU."""

    number: int
    """Its place in the order of the PCI bus, from 0."""
    uuid: str
    total: int
    """Bytes of its memory; 0 where it has none of its own."""
    free: int
    """Bytes that nothing uses now."""
    driver: str
    """Version."""
    name: str


def gpus() -> list[GPU]:
    """All of them, in order. Raises `EndpointError` where `nvidia-smi` does not say."""
    asked = [PROGRAM, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=REPLY_S, check=True).stdout
        return [_read(line) for line in said.splitlines() if line]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        wrong = " ".join(str(getattr(error, "stdout", None) or error).split())[:200]
        raise EndpointError(
            f"nvidia-smi does not say which GPUs there are ({wrong}). Repair the driver, or set CUDA_VISIBLE_DEVICES to"
            " their numbers; to nothing for the CPU."
        ) from error


def _read(line: str) -> GPU:
    number, uuid, total, free, driver, name = (text.strip() for text in line.split(",", 5))
    return GPU(int(number), uuid, _mebibytes(total), _mebibytes(free), driver, name)


def _mebibytes(text: str) -> int:
    """Bytes; 0 for `[N/A]`."""
    return int(text) * 2**20 if text.isdigit() else 0
