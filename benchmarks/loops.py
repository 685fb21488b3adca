"""The contenders of `throughput.py` that are not prefmill: bare loops over a client, and peers.

    python benchmarks/loops.py CLIENT JOB BASE_URL ROWS IN_FLIGHT FOLDER

A bare loop is what one writes in ten minutes: a semaphore for each model, a gather, a line of JSON for each reply. In
the full job a row's judgment is asked for as soon as its two answers are there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

ANSWER = "This is a short answer that stands for a real one in a benchmark of clients. " * 6
FILL = "Explain the trade-offs of the following design in two sentences. " * 4
Ask = Callable[[str, str], Awaitable[str]]


async def loop(ask: Ask, job: str, rows: int, in_flight: int, folder: Path) -> None:
    """Every row of the job, with a limit of its own for each model."""
    slots = {model: asyncio.Semaphore(in_flight) for model in ("a", "b", "t")}
    with (folder / "out.jsonl").open("w") as out:

        async def call(model: str, prompt: str) -> str:
            async with slots[model]:
                text = await ask(model, prompt)
            out.write(json.dumps({"model": model, "text": text}) + "\n")
            return text

        async def row(number: int) -> None:
            prompt = f"row-{number} {FILL}"
            if job == "one":
                await call("t", f"[Question]\n{prompt}\n{ANSWER}\n{ANSWER}\n[System]\nGrade both.")
                return
            first, second = await asyncio.gather(call("a", prompt), call("b", prompt))
            await call("t", f"[Question]\n{prompt}\n{first}\n{second}\n[System]\nGrade both.")

        await asyncio.gather(*(row(number) for number in range(rows)))


async def over_aiohttp(base_url: str, job: str, rows: int, in_flight: int, folder: Path) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(model: str, prompt: str) -> str:
            body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                text: str = (await response.json())["choices"][0]["message"]["content"]
            return text

        await loop(ask, job, rows, in_flight, folder)


async def over_openai(base_url: str, job: str, rows: int, in_flight: int, folder: Path) -> None:
    import openai

    transport = {"http_client": openai.DefaultAioHttpClient()} if sys.argv[1].endswith("aiohttp") else {}
    async with openai.AsyncOpenAI(base_url=base_url, api_key="x", max_retries=10, **transport) as client:

        async def ask(model: str, prompt: str) -> str:
            messages = [{"role": "user", "content": prompt}]
            reply = await client.chat.completions.create(model=model, messages=messages)  # type: ignore[arg-type]
            return reply.choices[0].message.content or ""

        await loop(ask, job, rows, in_flight, folder)


def distilabel(base_url: str, job: str, rows: int, in_flight: int, folder: Path) -> None:
    """Stock distilabel; its batch size is its number of calls in flight."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import GroupColumns, LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    def answering(model: str, column: str) -> TextGeneration:
        llm = OpenAILLM(model=model, base_url=base_url, api_key="x")
        mapping = {"generation": column} if column != "generation" else {}
        return TextGeneration(llm=llm, input_batch_size=in_flight, output_mappings=mapping)

    with Pipeline(name="benchmark", cache_dir=folder) as pipeline:
        data = [{"instruction": f"row-{number} {FILL}"} for number in range(rows)]
        source = LoadDataFromDicts(data=data, batch_size=in_flight)
        if job == "one":
            source.connect(answering("a", "generation"))
        else:
            group = GroupColumns(columns=["generation", "model_name"], input_batch_size=in_flight)
            judge = TextGeneration(
                llm=OpenAILLM(model="t", base_url=base_url, api_key="x"),
                template="{{ instruction }}{% for g in grouped_generation %}\n{{ g }}{% endfor %}\n[System] Grade.",
                columns=["instruction", "grouped_generation"],
                input_batch_size=in_flight,
            )
            first, second = answering("a", "generation"), answering("b", "generation")
            source.connect(first, second)
            first.connect(group)
            second.connect(group)
            group.connect(judge)
    pipeline.run(use_cache=False)


def curator(base_url: str, rows: int, in_flight: int, folder: Path) -> None:
    """bespokelabs-curator, one model a row."""
    import os

    import litellm

    # curator counts tokens with a file that it would download; litellm, which it depends on, brings that file along.
    tokenizers = Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers"
    os.environ.update(CURATOR_CACHE_DIR=str(folder), TIKTOKEN_CACHE_DIR=str(tokenizers))
    os.environ.update(OPENAI_API_KEY="x", TELEMETRY_ENABLED="0", LITELLM_LOCAL_MODEL_COST_MAP="True")
    from bespokelabs import curator as peer
    from datasets import Dataset

    class Prompt(peer.LLM):
        def prompt(self, row: dict[str, str]) -> str:
            return row["prompt"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            return {**row, "response": response}

    parameters = {
        "base_url": base_url,
        "max_concurrent_requests": in_flight,
        "max_requests_per_minute": 10_000_000,
        "max_tokens_per_minute": 10_000_000_000,
        "require_all_responses": False,
    }
    llm = Prompt(model_name="a", backend="openai", backend_params=parameters)
    llm(Dataset.from_dict({"prompt": [f"row-{number} {FILL}" for number in range(rows)]}))


def main() -> None:
    client, job, base_url, rows, in_flight, folder = sys.argv[1:]
    options = (base_url, job, int(rows), int(in_flight), Path(folder))
    if client == "aiohttp":
        asyncio.run(over_aiohttp(*options))
    elif client.startswith("openai"):
        asyncio.run(over_openai(*options))
    elif client == "distilabel":
        distilabel(*options)
    elif job == "one":
        curator(base_url, int(rows), int(in_flight), Path(folder))
    else:
        sys.exit("curator runs one model a row only")


if __name__ == "__main__":
    main()
