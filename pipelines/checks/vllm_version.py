"""Which vLLM would load a model. Its metadata is read; starting it takes many seconds."""

from __future__ import annotations

from ...generators.hosting.machine import Machine
from ...generators.hosting.settings import Hosted
from ...generators.hosting.versions import NEWEST, OLDEST
from ...schemas.errors import EndpointError
from . import Check


def version(provider: Hosted, machine: Machine) -> Check:
    """The version of vLLM in the interpreter that the entry names. Whether it will do is for `Hosted.check`."""
    what = f"vLLM of {provider.label}"
    try:
        python = provider.interpreter()
        if python is None:
            return Check(what, "skipped", "its version cannot be told without starting it")
        what = f"vLLM of {python}"
        vllm = machine.vllm(python)
    except EndpointError as error:
        return Check(what, "skipped", str(error).partition(". ")[0])
    if vllm is None:
        return Check(what, "skipped", "not installed there")
    known = " to ".join(".".join(map(str, one)) for one in (OLDEST, NEWEST))
    kind = "for CPUs" if vllm.cpu else "for GPUs"
    return Check(what, "ok", f"{vllm.version}, a build {kind}; prefmill knows {known}")
