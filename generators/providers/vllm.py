"""A model in vLLM's offline engine, which prefmill loads when it is needed and gives back afterwards.

The fastest way to a model on this machine's GPUs: requests go to the engine without HTTP. It runs in a process of its
own, whose Python need not be prefmill's. Replies are those of vLLM's server: the model's own `generation_config.json`
gives the defaults of what the recipe leaves out, and a reply without `max_tokens` may fill the context. A sample
without `seed` is drawn with one that is derived from what is asked, so that a resumed run asks as a fresh one does.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..hosting.settings import Hosted

if TYPE_CHECKING:
    from ..hosting.engine import Engine


class VLLM(Hosted):
    """A model in vLLM's offline engine."""

    operational: ClassVar[frozenset[str]] = Hosted.operational | {"python"}

    python: Path | None = None
    """The Python interpreter that has vLLM, 3.11 or later; None: the one that runs prefmill. vLLM pins many packages,
    so it may well live in an environment of its own."""

    def at(self, folder: Path) -> Self:
        """See `Hosted.at`."""
        resolved = super().at(folder)
        return resolved.model_copy(update={"python": self.python and folder / self.python})

    def shares(self) -> tuple[object, ...]:
        """See `Hosted.shares`."""
        return (*super().shares(), self.python and str(self.python))

    def interpreter(self) -> Path:
        """See `Hosted.interpreter`."""
        return self.python or Path(sys.executable)

    def make(self, adapters: Sequence[str], folder: Path, devices: Sequence[int]) -> Engine:
        """See `Hosted.make`."""
        from ..hosting.offline import Offline, Setup
        from ..hosting.replicas import Replicas

        model = re.sub(r"[^\w.-]+", "-", Path(self.model).name)
        name = f"{model}-{self.engine_key()}"
        copies: list[Engine] = []
        for number in range(self.replicas):
            own = devices[number * self.gpus : (number + 1) * self.gpus]
            setup = Setup(
                provider=self,
                name=name if self.replicas == 1 else f"{name}-{number + 1}",
                python=self.interpreter(),
                environment=_environment(own),
                arguments=self._arguments(adapters, own),
                adapters=tuple(adapters),
                sleeps=self.sleep and bool(own),
            )
            copies.append(Offline(setup, folder))
        return copies[0] if len(copies) == 1 else Replicas(copies)

    def _arguments(self, adapters: Sequence[str], devices: Sequence[int]) -> dict[str, Any]:
        """vLLM's engine arguments on these GPUs, or else on the CPU."""
        from ..hosting.adapters import lora_arguments

        arguments = {
            "structured_outputs_config": {"backend": self.structured_outputs},
            **lora_arguments(self.label, adapters, cpu=not devices),
        }
        if devices:
            return {
                **arguments,
                "tensor_parallel_size": self.gpus,
                "enable_sleep_mode": self.sleep,
                **self.arguments(),
            }
        # Compiling takes a C++ compiler, and longer than it saves. A prompt that is split over two steps ends the
        # engine where the request has a seed: vLLM asks for the generator's offset, which a CPU's has not
        # (vllm/v1/worker/gpu_model_runner.py).
        return {**arguments, "enforce_eager": True, "enable_chunked_prefill": False, **self.arguments()}


def _environment(devices: Sequence[int]) -> Mapping[str, str]:
    """This process's environment for vLLM on these GPUs, or else on the CPU."""
    from ..hosting.devices import environment_for

    own = {"VLLM_NO_USAGE_STATS": "1"}  # What a person's models are is nobody else's business.
    if devices:
        # As `vllm serve` does: a fork of a process that has threads may hang.
        own |= {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
    else:
        # A second process would only import vLLM again, which takes longer than it saves.
        own |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    return {**own, **os.environ, **environment_for(devices)}
