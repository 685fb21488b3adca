"""What a recipe says of a model that prefmill loads itself. Names are those of vLLM's engine arguments
(https://docs.vllm.ai/en/latest/configuration/engine_args.html), as far as prefmill names them at all."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from ...schemas.errors import EndpointError
from ...schemas.row import digest
from ..providers import Connection, Provider, Site
from .adapters import rank_of
from .engine import Engine
from .engine_arguments import OPERATIONAL, other_arguments

if TYPE_CHECKING:
    from .machine import Machine


class Hosted(Provider):
    """Base of the providers whose models prefmill loads."""

    operational: ClassVar[frozenset[str]] = Provider.operational | {
        "gpus", "replicas", "gpu_memory_utilization", "sleep", "restarts", "start_timeout",
        *(f"engine.{name}" for name in OPERATIONAL),
    }  # fmt: skip

    adapter: str | None = None
    """Folder of a LoRA adapter of the model; entries with one `model` and different adapters share one engine."""
    dtype: str = "auto"
    """Type of weights and activations: `auto`, `bfloat16`, `float16`, `float32`."""
    quantization: str | None = None
    """Method by which the weights are quantised; None: as the model's own files say."""
    max_model_len: int | None = Field(None, ge=1)
    """Tokens of prompt and reply together, at most; None: as the model's own files say. A smaller one saves memory."""
    tokenizer: str | None = None
    """Folder or name of the tokenizer; None: the model's."""
    chat_template: Path | None = None
    """File with a Jinja chat template; None: the tokenizer's own."""
    structured_outputs: Literal["auto", "guidance", "xgrammar", "outlines"] = "guidance"
    """What holds a reply to a JSON schema. `xgrammar`, vLLM's first choice, admits invalid JSON where a schema bounds
    the length of a string (mlc-ai/xgrammar issue 800)."""
    gpus: int = Field(1, ge=1)
    """GPUs over which each copy of the model is spread (tensor parallel). Without a GPU it runs on the CPU."""
    replicas: int = Field(1, ge=1)
    """Copies of the model, each on GPUs of its own (data parallel)."""
    gpu_memory_utilization: float = Field(0.9, gt=0, lt=1)
    """Share of each GPU's memory for this model; never the whole, for a CUDA context lies outside it. Models whose
    shares come to 0.95 at most are loaded together, others one after the other."""
    engine: dict[str, Any] = Field(default_factory=dict)
    """Any other of vLLM's engine arguments, by its name. Those of memory, batching and the like may change between two
    starts of a run, those that may decide what the model says (`revision`, `hf_overrides`, …) may not."""
    sleep: bool = True
    """Where a model has to make room and is needed again: keep its weights in the machine's memory and only free the
    GPU's (vLLM's sleep mode, level 1). False: load it anew."""
    restarts: int = Field(2, ge=0)
    """How often a model that crashed is loaded again before the run stops."""
    start_timeout: float = Field(1800, gt=0)
    """Seconds that loading may take."""
    max_in_flight: int = Field(1024, ge=1)
    """Requests handed to the engine at one time; it batches what it has room for."""
    timeout: float = Field(600, gt=0)
    """Seconds without an answer to any request, after which the engine is taken to hang; waiting in its queue does not
    count."""
    hedge: bool = False
    """Off: a request that takes long here is not lost, and a second one would only take its place in the batch."""

    @field_validator("engine")
    @classmethod
    def _only_other_arguments(cls, value: dict[str, Any]) -> dict[str, Any]:
        return other_arguments(value)

    def at(self, folder: Path) -> Self:
        """This entry with its files looked up from the recipe's folder."""
        template = self.chat_template and folder / self.chat_template
        adapter = self.adapter and str(folder / self.adapter)
        return self.model_copy(update={"chat_template": template, "adapter": adapter})

    def shares(self) -> tuple[object, ...]:
        """What entries must have in common to share one engine, as JSON values. An engine has one template and one way
        to hold replies to a schema."""
        own = self.chat_template and str(self.chat_template), self.structured_outputs, self.gpus, self.replicas
        return (self.plugin_name(), self.model, *own, *sorted(self.arguments().items(), key=str))

    def engine_key(self) -> str:
        """Name of the engine: entries with the same one share it."""
        return digest("engine", self.shares(), size=6)

    def arguments(self) -> dict[str, Any]:
        """vLLM's engine arguments as JSON values, without those for adapters and parallel copies."""
        named = {
            "dtype": self.dtype,
            "quantization": self.quantization,
            "max_model_len": self.max_model_len,
            "tokenizer": self.tokenizer,
            "gpu_memory_utilization": self.gpu_memory_utilization,
        }
        return {**{key: value for key, value in named.items() if value is not None}, **self.engine}

    def check_files(self) -> None:
        """Find out whether the files that are named are there. Raises `EndpointError`, one line.

        What may be a name on the Hub, such as `a/b`, is left to vLLM.
        """
        for key, path in (("model", self.model), ("tokenizer", self.tokenizer), ("chat_template", self.chat_template)):
            named = str(path or "")
            surely = key == "chat_template" or named.startswith(("/", "./", "../", "~")) or named.count("/") > 1
            if named and surely and not Path(named).exists():
                raise EndpointError(f"{self.label}: {key}: {named}: there is no such file or folder.")
        if self.adapter is not None:
            rank_of(self.label, self.adapter)

    @abstractmethod
    def interpreter(self) -> Path | None:
        """The Python whose vLLM will run; None where that cannot be seen. Raises `EndpointError`, one line, where there
        is no program to run."""

    def check(self, machine: Machine | None = None) -> None:
        """Find out without loading the model what would keep it from being loaded. Raises `EndpointError`, one line:
        this is not Linux, vLLM is not installed or of a version that is not supported or for other hardware, there are
        too few GPUs, the model's folder is not there.

        `machine`: what has been found out already; None: nothing.
        """
        from .machine import Machine
        from .versions import check_installed

        if sys.platform != "linux":
            raise EndpointError(f"{self.label}: {self.plugin_name()} needs Linux (this is {sys.platform}).")
        machine = machine or Machine()
        try:
            python, devices = self.interpreter(), machine.visible()
            if python is not None:
                check_installed(machine.vllm(python), python, gpus=bool(devices))
        except EndpointError as error:
            raise EndpointError(f"{self.label}: {error}") from error
        if devices and self.gpus * self.replicas > len(devices):
            raise EndpointError(
                f"{self.label}: {self.replicas} x {self.gpus} GPUs are wanted (replicas x gpus), {len(devices)} are "
                "here. Lower one of them."
            )
        self.check_files()

    @abstractmethod
    def make(self, adapters: Sequence[str], folder: Path, devices: Sequence[int]) -> Engine:
        """An engine, not yet started: for these adapters, with its logs in a folder, on these GPUs (none: the CPU)."""

    def open(self, site: Site) -> AbstractAsyncContextManager[Connection]:
        """A connection to this model's engine in the run's pool."""
        if site.engines is None:
            raise RuntimeError(f"{self.label}: nothing of this run can load models")
        return site.engines.connected(self)
