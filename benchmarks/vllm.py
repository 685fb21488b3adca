"""How much of vLLM's speed reaches a run: prefmill's providers beside `vllm bench throughput`, in one run.

    python benchmarks/vllm.py [--shape tiny|0.5b|1.5b|7b] [--bursts 3] [--rounds 1] [--only NAME ...] [--jobs NAME ...]

Run it with a Python that has prefmill and vLLM. The model is made first (`made_model.py`), nothing is downloaded; on a
GPU it is 1.5b unless another is named, on a CPU tiny. Three jobs.

`answers`: the same prompts for everybody, replies of the same length, the same engine arguments; in each round, each
contender loads the model once, warms up, and is given all prompts of a burst at once; the median of all its bursts
counts. `vllm bench throughput` and a whole `prefmill run` are started anew for each burst. Seconds of loading are in no
figure. prefmill's calls go through `Caller` and ledger as in a run, with a seed each; a run has everything else on top.
On a machine where others work, `--rounds 3 --bursts 1` spreads the disturbance.

`judges`: prompts of two judges in the published layout and with what they share first (`shared_first`), with texts
that nobody has seen: "found" is the share of prompt tokens that vLLM's prefix cache held.

`turns`: two models that do not fit together; seconds from the last reply of one until the other is ready.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from vllm_place import described, devices, environment, prompts

HERE = Path(__file__).parent
WARM = 16
"""Prompts that are answered before the first burst."""
SIZES = {"tiny": (512, 64, 64), "0.5b": (2048, 256, 256), "1.5b": (2048, 256, 256), "7b": (1024, 256, 256)}
"""Shape -> prompts of a burst on a GPU, tokens of each, tokens of each reply. On a CPU only `tiny` takes minutes."""
JUDGE_TOKENS = 32
OVERHEAD = 64
"""Tokens of the chat template, and some to spare."""
NAMED = ("max_model_len", "gpu_memory_utilization", "dtype")
"""Engine arguments with a recipe key of their own."""
CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
CONTENDERS = (
    "vllm bench throughput", "LLM.generate", "LLM.generate, seeded", "AsyncLLM",
    "prefmill vllm", "prefmill vllm_server", "prefmill run, vllm",
)  # fmt: skip
HEAD = "| job | how | output tokens/s | of vllm bench | found | seconds |\n|---|---|--:|--:|--:|--:|"


@dataclass(frozen=True)
class Bench:
    """What all contenders share."""

    model: Path
    gpu: bool
    prompts: int
    """Of a burst."""
    tokens: int
    """Of each reply."""
    bursts: tuple[tuple[str, ...], ...]
    """The first one is the warm-up."""

    def engine(self) -> dict[str, Any]:
        """vLLM's engine arguments. Those of serving and of offline work have other defaults, so they are given."""
        words = len(self.bursts[1][0].split())
        common = {"max_model_len": max(2048, words + self.tokens + OVERHEAD), "max_num_seqs": 1024}
        if self.gpu:
            return {**common, "max_num_batched_tokens": 16384, "gpu_memory_utilization": 0.85}
        # Little memory, short blocks, and the type that every CPU calculates with.
        own = {"max_num_seqs": 256, "kv_cache_memory_bytes": 2**30, "block_size": 32, "max_num_batched_tokens": 4096}
        return {**common, **own, "dtype": "float32", "enforce_eager": True, "enable_chunked_prefill": False}

    def entry(self, provider: str, **fields: object) -> dict[str, Any]:
        """A recipe entry."""
        engine = self.engine()
        named = {key: engine.pop(key) for key in NAMED if key in engine}
        sampling = {"temperature": 1.0, "max_tokens": self.tokens, "extra_body": {"ignore_eos": True}}
        whole = {"provider": provider, "model": str(self.model), "engine": engine, "sampling": sampling}
        return whole | named | fields


def child(program: str, folder: Path, job: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """The last line that a program of this folder prints about a job."""
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    # Without `-P`, `import vllm` would find this file.
    return json.loads(said([sys.executable, "-P", str(HERE / program), str(path)]).splitlines()[-1])


def said(command: Sequence[str]) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def answers(bench: Bench, name: str, folder: Path) -> list[float]:
    """Output tokens a second of each burst."""
    warm, *bursts = bench.bursts
    texts = [[CHAT.format(text) for text in burst] for burst in bench.bursts]
    job: dict[str, Any] = {"tokens": bench.tokens, "folder": str(folder), "devices": list(devices(bench.gpu))}
    match name:
        case "vllm bench throughput":
            return [bench_throughput(bench, burst, folder) for burst in texts[1:]]
        case "prefmill run, vllm":
            return [whole_run(bench, burst, folder / str(number)) for number, burst in enumerate(bursts)]
        case "LLM.generate" | "LLM.generate, seeded" | "AsyncLLM":
            way = {"LLM.generate": "llm", "LLM.generate, seeded": "llm seeded"}.get(name, "async")
            own = {"model": str(bench.model), "engine": bench.engine(), "way": way}
            done = child("vllm_bare.py", folder, job | own | {"warm": texts[0], "bursts": texts[1:]})
        case _:
            entries = [bench.entry(name.rpartition(" ")[2])]
            own = {"way": "calls", "entries": entries, "warm": warm, "bursts": bursts}
            done = child("vllm_calls.py", folder, job | own)
    return [burst["tokens"] / burst["seconds"] for burst in done]


def bench_throughput(bench: Bench, texts: Sequence[str], folder: Path) -> float:
    """vLLM's own benchmark, on a data set of these prompts."""
    data = [{"conversations": [{"value": text}, {"value": "ab"}]} for text in texts]
    (folder / "sharegpt.json").write_text(json.dumps(data))
    command = [sys.executable, "-P", "-m", "vllm.entrypoints.cli.main", "bench", "throughput"]
    command += [f"--model={bench.model}", "--dataset-name=sharegpt", f"--dataset-path={folder / 'sharegpt.json'}"]
    command += [f"--output-len={bench.tokens}", f"--num-prompts={len(texts)}", f"--num-warmups={WARM}"]
    for key, value in bench.engine().items():
        option = key.replace("_", "-")
        command += [f"--{'' if value else 'no-'}{option}"] if isinstance(value, bool) else [f"--{option}={value}"]
    found = re.search(r"([\d.]+) output tokens/s", said(command))
    return float(found[1]) if found else 0.0


def whole_run(bench: Bench, texts: Sequence[str], folder: Path) -> float:
    """`prefmill run`. All its answers are as long as they may be, so a filter drops them, and none is judged."""
    folder.mkdir()
    tasks = "".join(json.dumps({"id": str(n), "instruction": text}) + "\n" for n, text in enumerate(texts))
    (folder / "tasks.jsonl").write_text(tasks)
    recipe = {
        "name": "answers",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [bench.entry("vllm", name="one")],
        "compare": {"pairs": "none"},
        "judge": {"judge": "flow_judge", "teachers": [bench.entry("vllm", name="teacher")]},
        "filters": ["truncated_answers"],
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    said([sys.executable, "-m", "prefmill", "run", str(folder / "recipe.yaml"), "--run-dir", str(folder / "run")])
    (used,) = json.loads((folder / "run" / "manifest.json").read_text())["engines"]
    return float(used["completion_tokens"] / used["busy_s"])


def judges(bench: Bench, rounds: int, folder: Path) -> None:
    """A row for each judge and layout."""
    count = bench.prompts // 4
    short = {"max_tokens": JUDGE_TOKENS, "temperature": 1.0, "extra_body": {"ignore_eos": True}}
    entries = [bench.entry("vllm", sampling=short)]
    job = {"way": "judges", "folder": str(folder), "devices": list(devices(bench.gpu)), "entries": entries,
           "warm": [""] * WARM, "rounds": rounds, "count": count}  # fmt: skip
    found = child("vllm_calls.py", folder, job)
    for key in dict.fromkeys((one["judge"], one["shared"]) for one in found):
        own = [one for one in found if (one["judge"], one["shared"]) == key]
        rate = median(one["tokens"] / one["seconds"] for one in own)
        held = median(one["cached"] / one["prompt"] for one in own)
        seconds = median(one["seconds"] for one in own)
        layout = "shared first" if key[1] else "as published"
        prompt = round(own[0]["prompt"] / (count))
        how = f"{key[0]}, {layout}; {count} prompts of {prompt} tokens"
        print(f"| judges | {how} | {rate:,.0f} | | {held:.0%} | {seconds:.1f} |", flush=True)


def turns(bench: Bench, other: Path, folder: Path) -> None:
    """A row for each way in which a model gets its turn."""
    entries = [bench.entry("vllm", name=path.name, model=str(path)) for path in (bench.model, other)]
    job = {"way": "turns", "folder": str(folder), "devices": list(devices(bench.gpu)[:1]), "entries": entries}
    found = child("vllm_calls.py", folder, job)
    names = {"first load": "loaded for the first time", "wake": "woken, while the other falls asleep",
             "load": "loaded anew, after the other has ended"}  # fmt: skip
    for how, name in names.items():
        seconds = [one["seconds"] for one in found if one["how"] == how]
        if seconds:
            print(f"| turns | {name} | | | | {median(seconds):.1f} |", flush=True)


def main() -> None:
    """Make the model, run the jobs, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SIZES)
    parser.add_argument("--prompts", type=int, help="of a burst")
    parser.add_argument("--bursts", type=int, default=3, help="of each contender in a round")
    parser.add_argument("--rounds", type=int, default=1, help="in which contenders take turns, each loaded anew")
    parser.add_argument("--only", nargs="+", default=CONTENDERS, metavar="NAME", help=", ".join(CONTENDERS))
    parser.add_argument("--jobs", nargs="+", default=["answers", "judges", "turns"])
    options = parser.parse_args()
    from prefmill.generators.hosting.devices import visible

    gpu = bool(visible())
    shape = options.shape or ("1.5b" if gpu else "tiny")
    count, words, tokens = SIZES[shape]
    count = options.prompts or count
    with environment(gpu) as folder:
        models = [folder / "one", folder / "two"]
        make = [sys.executable, "-P", str(HERE / "made_model.py"), shape]
        sizes = [json.loads(said([*make, str(seed), str(path)]).splitlines()[-1]) for seed, path in enumerate(models)]
        bursts = tuple(prompts(shape, number, count if number else WARM, words) for number in range(options.bursts + 1))
        bench = Bench(models[0], gpu, count, tokens, bursts)
        print(f"{described(gpu, shape, sizes[0]['bytes'])}\n\n{HEAD}")
        rates: dict[str, list[float]] = {name: [] for name in options.only if "answers" in options.jobs}
        for turn, name in itertools.product(range(options.rounds), rates):
            (place := folder / f"{turn} {name}").mkdir()
            rates[name] += answers(bench, name, place)
        reference = median(rates[CONTENDERS[0]]) if CONTENDERS[0] in rates else 0.0
        for name, found in rates.items():
            of = f"{median(found) / reference:.2f}" if reference else ""
            spread = f"{min(found):,.0f} to {max(found):,.0f}"
            how = f"{name}; {count} x {words} in, {tokens} out ({spread})"
            print(f"| answers | {how} | {median(found):,.0f} | {of} | | {count * tokens / median(found):.1f} |")
        for name in ("judges", "turns"):
            (folder / name).mkdir()
        if "judges" in options.jobs:
            judges(bench, options.bursts, folder / "judges")
        if "turns" in options.jobs:
            turns(bench, models[1], folder / "turns")


if __name__ == "__main__":
    main()
