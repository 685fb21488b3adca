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


class VLLMServer(Hosted):
    """A model in a `vllm serve` of this run's own."""

    operational: ClassVar[frozenset[str]] = Hosted.operational | {"command"}

    command: tuple[str, ...] = Field(("vllm",), min_length=1)
    """What stands before `serve MODEL …`: vLLM's program, of any environment. It is looked for beside the Python that
    runs prefmill, then on the PATH."""

    @field_validator("engine")
    @classmethod
    def _only_other_arguments(cls, value: dict[str, Any]) -> dict[str, Any]:
        from ..hosting.serve_command import PRIVATE, RESERVED

        for name in value:
            plain = name.replace("-", "_")
            if plain in RESERVED:
                raise ValueError(f"{name} is not for here: the recipe key is `{RESERVED[plain]}`")
            if plain in PRIVATE:
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

    def check(self) -> None:
        """See `Hosted.check`."""
        if sys.platform != "linux":
            raise EndpointError(f"{self.label}: vllm_server needs Linux (this is {sys.platform}).")
        if shutil.which(self.command[0], path=_environment()["PATH"]) is None:
            raise EndpointError(
                f"{self.label}: there is no program {self.command[0]!r}. Install vLLM (pip install vllm), or give the "
                "program of another environment: command: [/path/to/vllm]"
            )
        self.check_files()

    def make(self, adapters: Sequence[str], folder: Path, devices: Sequence[int]) -> Engine:
        """See `Hosted.make`."""
        from ..hosting.adapters import lora_arguments
        from ..hosting.serve_command import serve_command
        from ..hosting.server import Server

        arguments: dict[str, Any] = {
            # On a CPU, compiling takes a C++ compiler and longer than it saves, and a prompt that is split over two
            # steps ends the engine where the request has a seed (vllm/v1/worker/gpu_model_runner.py).
            **({} if devices else {"enforce_eager": True, "enable_chunked_prefill": False}),
            **self.arguments(),
            "structured_outputs_config": {"backend": self.structured_outputs},
            "chat_template": self.chat_template,
            # The CPU's memory is not given back: there is nothing to sleep for.
            "enable_sleep_mode": True if self.sleep and devices else None,
            "tensor_parallel_size": self.gpus if devices else 1,
            "data_parallel_size": self.replicas if devices else 1,
            **lora_arguments(self.label, adapters, cpu=not devices),
        }
        visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices))} if devices else {}
        command = serve_command(self.command, self.model, arguments, adapters)
        sleeps = arguments["enable_sleep_mode"] is True
        return Server(self, command, folder, {**_environment(), **visible}, sleeps=sleeps)


def _environment() -> Mapping[str, str]:
    """This process's, with the programs of its Python first; without the key that vLLM would ask for."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    return {**{name: value for name, value in os.environ.items() if name != "VLLM_API_KEY"}, "PATH": path}
