"""vLLM without prefmill, for `vllm.py`: bursts of prompts through `LLM.generate`, or one by one through `AsyncLLM`.

    python -P benchmarks/vllm_bare.py JOB

JOB is a JSON file: `model`, `engine` (engine arguments), `warm` and `bursts` (lists of texts), `tokens` (of each
reply), `way`: `llm`, `llm seeded` or `async`. The last line printed is JSON: seconds and tokens of each burst.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Burst = dict[str, float]


def offline(job: dict[str, Any]) -> list[Burst]:
    """All prompts of a burst in one call."""
    from vllm import LLM, SamplingParams

    llm = LLM(job["model"], **job["engine"])
    seeded = job["way"] == "llm seeded"
    done = []
    for number, texts in enumerate([job["warm"], *job["bursts"]]):
        params = [
            SamplingParams(temperature=1.0, ignore_eos=True, max_tokens=job["tokens"], seed=n if seeded else None)
            for n in range(len(texts))
        ]
        started = time.perf_counter()
        outputs = llm.generate(texts, params, use_tqdm=False)
        seconds = time.perf_counter() - started
        if number:
            done.append({"seconds": seconds, "tokens": sum(len(one.outputs[0].token_ids) for one in outputs)})
    return done


async def online(job: dict[str, Any]) -> list[Burst]:
    """A task for each prompt of a burst, all at the same time; only whole replies are handed over."""
    from vllm import AsyncEngineArgs, SamplingParams
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    engine = AsyncLLM.from_engine_args(AsyncEngineArgs(model=job["model"], **job["engine"]))
    params = SamplingParams(
        temperature=1.0, ignore_eos=True, max_tokens=job["tokens"], output_kind=RequestOutputKind.FINAL_ONLY
    )

    async def one(text: str, name: str) -> int:
        tokens = 0
        async for output in engine.generate({"prompt": text}, params, name):
            tokens = len(output.outputs[0].token_ids)
        return tokens

    async def burst(texts: Sequence[str], name: str) -> Burst:
        started = time.perf_counter()
        tokens = await asyncio.gather(*(one(text, f"{name}-{n}") for n, text in enumerate(texts)))
        return {"seconds": time.perf_counter() - started, "tokens": sum(tokens)}

    await burst(job["warm"], "warm")
    done = [await burst(texts, str(number)) for number, texts in enumerate(job["bursts"])]
    engine.shutdown()
    return done


def main() -> None:
    """Do the job."""
    job = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(asyncio.run(online(job)) if job["way"] == "async" else offline(job)))


# vLLM starts processes that import this file again.
if __name__ == "__main__":
    main()
