"""Which vLLM would load a model. Its metadata is read; starting it takes many seconds."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ...generators.hosting.settings import Hosted
from ...generators.hosting.versions import NEWEST, OLDEST, installed
from ...generators.providers.vllm import VLLM
from ...generators.providers.vllm_server import VLLMServer
from ...schemas.errors import EndpointError
from . import Check

LONGEST_LINE = 4096
"""Bytes of a script's first line that are looked at."""


def version(provider: Hosted) -> Check:
    """The version of vLLM in the interpreter that the entry names. Whether it will do is for `Hosted.check`."""
    python = interpreter(provider)
    if python is None:
        return Check(f"vLLM of {provider.label}", "skipped", "its version cannot be told without starting it")
    what = f"vLLM of {python}"
    try:
        vllm = installed(python)
    except EndpointError as error:
        return Check(what, "skipped", str(error))
    if vllm is None:
        return Check(what, "skipped", "not installed there")
    known = " to ".join(".".join(map(str, one)) for one in (OLDEST, NEWEST))
    kind = "for CPUs" if vllm.cpu else "for GPUs"
    return Check(what, "ok", f"{vllm.version}, a build {kind}; prefmill knows {known}")


def interpreter(provider: Hosted) -> Path | None:
    """The Python whose vLLM would run; None where that cannot be seen."""
    if isinstance(provider, VLLM):
        return provider.python or Path(sys.executable)
    return _of_command(provider.command) if isinstance(provider, VLLMServer) else None


def _of_command(command: Sequence[str]) -> Path | None:
    """Of a script that names it in its first line, or of `python -m vllm…`."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = shutil.which(command[0], path=beside)
    if found is None:
        return None
    if "-m" in command and any(part.startswith("vllm") for part in command):
        return Path(found)
    with Path(found).open("rb") as program:
        first = program.readline(LONGEST_LINE).decode(errors="replace").strip()
    named = Path(first.removeprefix("#!").split(" ")[0])
    return named if first.startswith("#!/") and named.name.startswith("python") else None
