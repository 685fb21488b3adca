"""A model in a `vllm serve` that prefmill starts when it is needed and stops again.

Slower than `vllm`, which hands batches to the engine without HTTP, but vLLM may be installed in another environment,
and one model can be spread over several copies. A server that somebody else runs is `openai`'s.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, field_validator

from ...schemas.errors import EndpointError
from ..hosting.settings import Hosted

if TYPE_CHECKING:
    from ..hosting.engine import Engine

LONGEST_LINE = 4096
"""Bytes of a script's first line that are looked at."""


class VLLMServer(Hosted):
    """A model in a `vllm serve` of this run's own."""

    operational: ClassVar[frozenset[str]] = Hosted.operational | {"command"}

    command: tuple[str, ...] = Field(("vllm",), min_length=1)
    """What stands before `serve MODEL …`: vLLM's program, of any environment. It is looked for beside the Python that
    runs prefmill, then on the PATH."""

    @field_validator("engine")
    @classmethod
    def _listens_where_only_the_run_can_reach_it(cls, value: dict[str, Any]) -> dict[str, Any]:
        from ..hosting.serve_command import PRIVATE

        for name in value.keys() & PRIVATE:
            raise ValueError(f"{name} cannot be set: the server listens where only this run can reach it")
        return value

    def at(self, folder: Path) -> Self:
        """See `Hosted.at`; a program with a folder in its name is a file, too."""
        program, *more = self.command
        command = (str(folder / program) if "/" in program else program, *more)
        return super().at(folder).model_copy(update={"command": command})

    def shares(self) -> tuple[object, ...]:
        """See `Hosted.shares`."""
        return (*super().shares(), self.command)

    def interpreter(self) -> Path | None:
        """See `Hosted.interpreter`: of a script that names it in its first line, or of `python -m vllm…`."""
        found = shutil.which(self.command[0], path=_environment()["PATH"])
        if found is None:
            raise EndpointError(
                f"there is no program {self.command[0]!r}. Install vLLM (pip install vllm), or give the program of "
                "another environment: command: [/path/to/vllm]"
            )
        if "-m" in self.command and any(part.startswith("vllm") for part in self.command):
            return Path(found)
        try:
            with Path(found).open("rb") as program:
                first = program.readline(LONGEST_LINE).decode(errors="replace").strip()
        except OSError:  # A program may be one that can be run and not read.
            return None
        named = Path(first.removeprefix("#!").split(" ")[0])
        return named if first.startswith("#!/") and named.name.startswith("python") else None

    def make(self, adapters: Sequence[str], folder: Path, devices: Sequence[int]) -> Engine:
        """See `Hosted.make`."""
        from ..hosting.adapters import lora_arguments
        from ..hosting.devices import environment_for
        from ..hosting.serve_command import serve_command
        from ..hosting.server import Server

        arguments: dict[str, Any] = {
            # On a CPU, compiling takes a C++ compiler and longer than it saves, and a prompt that is split over two
            # steps ends the engine where the request has a seed (vllm/v1/worker/gpu_model_runner.py).
            **({} if devices else {"enforce_eager": True, "enable_chunked_prefill": False}),
            **lora_arguments(self.label, adapters, cpu=not devices),
            **self.arguments(),
            "structured_outputs_config": {"backend": self.structured_outputs},
            "chat_template": self.chat_template,
            # The CPU's memory is not given back: there is nothing to sleep for.
            "enable_sleep_mode": True if self.sleep and devices else None,
            "tensor_parallel_size": self.gpus if devices else 1,
            "data_parallel_size": self.replicas if devices else 1,
        }
        command = serve_command(self.command, self.model, arguments, adapters)
        sleeps = arguments["enable_sleep_mode"] is True
        return Server(self, command, folder, {**_environment(), **environment_for(devices)}, sleeps=sleeps)


def _environment() -> Mapping[str, str]:
    """This process's, with the programs of its Python first; without the key that vLLM would ask for."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    return {**{name: value for name, value in os.environ.items() if name != "VLLM_API_KEY"}, "PATH": path}
