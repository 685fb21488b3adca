"""A tiny model in a real vLLM's offline engine, for several tests, and what vLLM itself says beside it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prefmill.generators.hosting.engine import Engine
from prefmill.generators.providers import Reply, Request
from prefmill.generators.providers.vllm import VLLM
from prefmill.schemas.errors import CallFailed
from prefmill.schemas.rows import Message, Task
from prefmill.schemas.sampling import Sampling

from ... import tiny_model

ENGINE = {"kv_cache_memory_bytes": 2**27, "block_size": 32, "max_num_seqs": 64}
"""Little memory, and blocks short enough for hits in the prefix cache."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
BARE = Path(__file__).with_name("bare_vllm.py")


@dataclass
class Loaded:
    """A loaded model with two adapters."""

    entry: VLLM
    adapters: tuple[str, str]
    engine: Engine
    loop: asyncio.AbstractEventLoop

    def all(self, requests: Sequence[Request], adapters: Sequence[str | None] = ()) -> list[Reply | CallFailed]:
        """Ask all at once."""
        named = [*adapters, *[None] * len(requests)]

        async def ask(request: Request, adapter: str | None) -> Reply | CallFailed:
            try:
                return await self.engine.complete(request, adapter, 600)
            except CallFailed as failed:
                return failed

        async def work() -> list[Reply | CallFailed]:
            return await asyncio.gather(*map(ask, requests, named))

        return self.loop.run_until_complete(work())

    def replies(self, requests: Sequence[Request], adapters: Sequence[str | None] = ()) -> list[Reply]:
        """The same, where all are answered."""
        replies = self.all(requests, adapters)
        assert not [reply for reply in replies if isinstance(reply, CallFailed)]
        return [reply for reply in replies if isinstance(reply, Reply)]

    def bare(self, batches: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        """What `LLM.chat` makes of each batch of texts with sampling parameters: text, finish reason, tokens and
        OpenAI's form of logprobs."""
        wanted = {"model": self.entry.model, "engine": self.entry.engine, "batches": batches}
        ended = subprocess.run(
            [sys.executable, str(BARE)], input=json.dumps(wanted), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        replies: list[dict[str, Any]] = json.loads(ended.stdout.splitlines()[-1])
        return replies


def asked(text: str, sample: int = 0, **sampling: object) -> Request:
    """A question as one message."""
    messages = (Message(role="user", content=text),)
    return Request(messages, Sampling.model_validate(sampling), sample, Task(messages=messages))


@pytest.fixture(name="loaded", scope="session")
def loaded_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """A `Loaded` on the CPU, in a vLLM that is installed beside prefmill."""
    folder = tmp_path_factory.mktemp("vllm")
    model = tiny_model.make_model(folder / "tiny")
    a, b = (str(tiny_model.make_adapter(folder / name, model, seed=n)) for n, name in enumerate("ab"))
    entry = VLLM(model=str(model), max_model_len=512, dtype="float32", engine=ENGINE)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        engine = entry.make((a, b), folder, ())
        loop = asyncio.new_event_loop()
        loop.run_until_complete(engine.start())
        try:
            yield Loaded(entry, (a, b), engine, loop)
        finally:
            loop.run_until_complete(engine.stop())
            loop.close()
