"""The engine of the provider `vllm` as an LLM of distilabel, for pipelines that are none of prefmill's.

    from prefmill.generators.distilabel_llm import VLLM

    TextGeneration(llm=VLLM(model="Qwen/Qwen2.5-7B-Instruct", settings={"max_model_len": 8192}))

distilabel's own `vLLM` (1.5.3, distilabel/models/llms/vllm.py) is written for vLLM 0.6 and waits for the slowest reply
of each batch; its `OpenAILLM` needs a server. Here each input is a call of its own to an engine that always has all of
them (https://distilabel.argilla.io/1.5.3/api/models/llm/#distilabel.models.llms.base.AsyncLLM).

Annotations here are evaluated (no `from __future__ import annotations`): distilabel reads those of `agenerate`.
"""

import asyncio
import shutil
import tempfile
import warnings
from inspect import isclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, PrivateAttr

with warnings.catch_warnings():
    # distilabel 1.5.3 declares fields in a way that newer pydantic warns about, once for each of its classes.
    warnings.simplefilter("ignore")
    from distilabel.models.llms.base import AsyncLLM
    from distilabel.models.llms.utils import prepare_output
    from distilabel.typing import FormattedInput, GenerateOutput

from ..schemas.errors import CallFailed, EndpointError
from ..schemas.rows import Message, Task
from ..schemas.sampling import Sampling
from .hosting.engine import Engine
from .hosting.machine import Machine
from .providers import Reply, Request
from .providers.vllm import VLLM as Entry

NOT_ANSWERED = frozenset({"rejected", "timeout"})
"""Failures of one input: its generation is None, which distilabel's steps know. Others end the step."""


class VLLM(AsyncLLM):
    """A model in vLLM's offline engine, loaded by `load` and given back by `unload`."""

    model: str
    """Folder of the model, or its name on the Hub."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Fields of prefmill's provider `vllm`, by name (`prefmill show provider vllm`)."""
    structured_output: dict[str, Any] | None = None
    """What holds each generation: `{"format": "json", "schema": …}` or `{"format": "regex", "schema": …}`; an input
    may bring its own."""

    _entry: Entry = PrivateAttr()
    _engine: Engine | None = PrivateAttr(default=None)
    _logs: Path | None = PrivateAttr(default=None)

    @property
    def model_name(self) -> str:
        """The model's name."""
        return self.model

    def load(self) -> None:
        """Load the model, unless it is, on the first GPUs that this process may use. Raises `EndpointError`, one line.

        Each task that has this LLM loads it. The log, which errors name, lies in a temporary folder; only `unload` of a
        model that lives removes it.
        """
        super().load()
        if self._engine is not None:
            return
        self._entry = entry = Entry.model_validate({"model": self.model, **self.settings})
        machine = Machine()
        entry.check(machine)
        self._logs = Path(tempfile.mkdtemp(prefix="prefmill-vllm-"))
        adapters = () if entry.adapter is None else (entry.adapter,)
        engine = entry.make(adapters, self._logs, machine.visible()[: entry.gpus * entry.replicas])
        self.event_loop.run_until_complete(engine.start())
        self._engine = engine

    def unload(self) -> None:
        """Stop the model's processes."""
        engine, self._engine = self._engine, None
        if engine is not None:
            well = engine.alive()
            self.event_loop.run_until_complete(engine.stop())
            if well and self._logs is not None:
                shutil.rmtree(self._logs, ignore_errors=True)
        super().unload()

    async def agenerate(
        self,
        input: FormattedInput,
        num_generations: int = 1,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        stop: list[str] | None = None,
        seed: int | None = None,
        extra_body: dict[str, Any] | None = None,
    ) -> GenerateOutput:
        """Generate for one input. What is left out is the model's own default, or else vLLM's.

        Args:
            input: messages, or messages with the structured output that holds their reply.
            num_generations: how many generations; generation k has seed `seed + k`. Defaults to `1`.
            max_new_tokens: most tokens of a generation. Defaults to what the context has room for.
            temperature: 0 (greedy) to 2. Defaults to `None`.
            top_p: share of the probability that is sampled from. Defaults to `None`.
            top_k: so many of the likeliest tokens are sampled from. Defaults to `None`.
            min_p: drop tokens below this share of the likeliest one's probability. Defaults to `None`.
            repetition_penalty: multiplicative penalty on seen tokens, 1 = none. Defaults to `None`.
            presence_penalty: penalty on tokens that occurred. Defaults to `None`.
            frequency_penalty: penalty on tokens by how often they occurred. Defaults to `None`.
            stop: texts that end a generation. Defaults to `None`.
            seed: seed of the first generation. Defaults to one derived from the input.
            extra_body: other parameters of a chat completion. Defaults to `None`.

        Returns:
            Generations with their token counts; None for one that the model does not take or that takes too long.
        """
        if isinstance(input, str):
            raise TypeError("messages are needed: a text without roles has no chat template")
        messages, held = input if isinstance(input, tuple) else (input, None)
        sampling = Sampling(
            max_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            presence_penalty=presence_penalty,
            frequency_penalty=frequency_penalty,
            stop=tuple(stop or ()),
            seed=seed,
            extra_body={**_constraint(held or self.structured_output), **(extra_body or {})},
        )
        task = Task(messages=tuple(Message.model_validate(message) for message in messages))
        replies = await asyncio.gather(*(self._one(task, sampling, k) for k in range(num_generations)))
        return prepare_output(
            generations=[reply and reply.text for reply in replies],
            input_tokens=[reply.prompt_tokens if reply else 0 for reply in replies],
            output_tokens=[reply.completion_tokens if reply else 0 for reply in replies],
        )

    async def _one(self, task: Task, sampling: Sampling, sample: int) -> Reply | None:
        if self._engine is None:
            raise EndpointError(f"{self.model}: not loaded. Call load() first.")
        if sampling.seed is not None:
            sampling = sampling.model_copy(update={"seed": sampling.seed + sample})
        try:
            request = Request(task.messages, sampling, sample, task)
            return await self._engine.complete(request, self._entry.adapter, self._entry.timeout)
        except CallFailed as failed:
            if failed.kind not in NOT_ANSWERED:
                raise
            self._logger.warning("%s: no generation: %s", self.model, failed)
            return None


def _constraint(structured: dict[str, Any] | None) -> dict[str, Any]:
    """distilabel's structured output as a request has it."""
    if not structured:
        return {}
    schema = structured["schema"]
    if isclass(schema) and issubclass(schema, BaseModel):
        schema = schema.model_json_schema()
    return {"structured_outputs": {structured.get("format") or "json": schema}}
