"""How full the pipe is: prefmill against bare loops and peers, on one endpoint, in one run.

    python benchmarks/throughput.py [--rows 5000] [--in-flight 64 256] [--only NAME ...]

Two jobs. `one`: one call a row (prefmill judges recorded answers). `full`: two models answer and a teacher judges,
three calls a row.
Each contender runs as a process of its own against `endpoint.py` on the same machine. "active" is the time between the
endpoint's first request and its last reply, so start-up does not count; "floor" is what the endpoint's waits alone
would take with that many slots always filled. Peers that are not installed are left out; `--peer-python` names the
interpreter of an environment that has them (curator needs other versions than prefmill).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = int(free.getsockname()[1])
HEAD = "| job | endpoint | in flight | client | active s | x bare aiohttp | calls/s | CPU ms | RSS MB | first s |"
ANSWER = "This is a short answer that stands for a real one in a benchmark of clients. " * 6
FILL = "Explain the trade-offs of the following design in two sentences. " * 4


def endpoint(path: str, method: str = "GET") -> dict[str, Any]:
    """The endpoint's reply to one of its own paths."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as reply:
        value: dict[str, Any] = json.load(reply)
    return value


@contextlib.contextmanager
def serving() -> Iterator[None]:
    """The benchmark's endpoint, as a process of its own."""
    with subprocess.Popen([sys.executable, str(HERE / "endpoint.py"), "--port", str(PORT)]) as process:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    endpoint("/stats")
                    break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def recipe(folder: Path, job: str, scenario: str, rows: int, in_flight: int) -> Path:
    """A recipe of the job for prefmill, with its tasks."""
    tasks = "".join(json.dumps({"id": str(i), "instruction": f"row-{i} {FILL}"}) + "\n" for i in range(rows))
    (folder / "tasks.jsonl").write_text(tasks)
    base = {"provider": "openai", "base_url": f"http://127.0.0.1:{PORT}/{scenario}/v1", "max_in_flight": in_flight}
    recorded = "".join(
        json.dumps({"id": str(i), "model": model, "text": ANSWER}) + "\n" for i in range(rows) for model in ("a", "b")
    )
    (folder / "answers.jsonl").write_text(recorded)
    answered = {"provider": "recorded", "path": "answers.jsonl"} if job == "one" else base
    text = {
        "name": "benchmark",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**answered, "model": model} for model in ("a", "b")],
        "judge": {"judge": "judgelm", "protocol": "one_order", "teachers": [{**base, "model": "t"}]},
        "exports": ["preference"],
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(text))
    return path


def commands(  # noqa: PLR0917 - all of them are the endpoint's and the job's
    folder: Path, job: str, scenario: str, rows: int, in_flight: int, peer: str = sys.executable
) -> dict[str, list[str]]:
    """Contender -> its command."""
    base = f"http://127.0.0.1:{PORT}/{scenario}/v1"
    options = [job, base, str(rows), str(in_flight), str(folder)]
    prefmill = [sys.executable, "-m", "prefmill", "run", str(recipe(folder, job, scenario, rows, in_flight))]
    loops = str(HERE / "loops.py")
    return {
        "prefmill": [*prefmill, "--run-dir", str(folder / "run")],
        "bare aiohttp": [sys.executable, loops, "aiohttp", *options],
        "bare openai": [sys.executable, loops, "openai", *options],
        "bare openai over aiohttp": [sys.executable, loops, "openai-aiohttp", *options],
        "distilabel": [sys.executable, loops, "distilabel", *options],
        "curator": [peer, loops, "curator", *options],
    }


def measure(command: list[str], folder: Path) -> dict[str, Any] | None:
    """One contender's figures; None where it could not run."""
    endpoint("/reset", "POST")
    started, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TELEMETRY_ENABLED": "false"}
    done = subprocess.run(
        [sys.executable, str(HERE / "peak.py"), *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.time() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.stderr.write("".join(done.stderr.splitlines(keepends=True)[-3:]))
        return None
    seen = endpoint("/stats")
    return {
        "wall": wall,
        "start": seen["first"] - started,
        "active": seen["last"] - seen["first"],
        "requests": seen["requests"],
        "peak": seen["peak"],
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "rss_mb": int(done.stderr.rsplit("peak_kb=", 1)[1]) / 1024,
    }


def main() -> None:
    """Run the chosen contenders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--scenarios", nargs="+", default=["const", "tail"])
    parser.add_argument("--jobs", nargs="+", default=["one", "full"])
    parser.add_argument("--only", nargs="+", default=["prefmill", "bare aiohttp", "bare openai"])
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    print(HEAD)
    print("|---|---|--:|---|--:|--:|--:|--:|--:|--:|")
    with serving():
        for job in options.jobs:
            for scenario in options.scenarios:
                for in_flight in options.in_flight:
                    table(job, scenario, in_flight, options)


def table(job: str, scenario: str, in_flight: int, options: argparse.Namespace) -> None:
    """The rows of one job on one scenario; contenders take turns, each one's median run counts."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.repeat):
        for name in options.only:
            folder = Path(tempfile.mkdtemp(prefix="prefmill-benchmark-"))
            try:
                figures = measure(
                    commands(folder, job, scenario, options.rows, in_flight, options.peer_python)[name], folder
                )
            finally:
                shutil.rmtree(folder)
            if figures is not None:
                found.setdefault(name, []).append(figures)
    middle = {name: sorted(runs, key=lambda run: run["active"])[len(runs) // 2] for name, runs in found.items()}
    bare = middle.get("bare aiohttp", {"active": math.nan})["active"]
    for name, run in middle.items():
        print(
            f"| {job} | {scenario} | {in_flight} | {name} | {run['active']:.2f} | {bare / run['active']:.2f} |"
            f" {run['requests'] / run['active']:.0f} | {1000 * run['cpu'] / run['requests']:.2f} |"
            f" {run['rss_mb']:.0f} | {run['start']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
