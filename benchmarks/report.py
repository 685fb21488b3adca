"""What the page of a large run takes: seconds to build, megabytes, and seconds until its rows are listed.

    python benchmarks/report.py [--tasks 10400] [--run FOLDER]

The run is made once, over the simulated world: two pairs a task from three models, both orders, one teacher; with
10,400 tasks about 21,000 rows to read. `--run` keeps it in FOLDER, or takes what is there. The page is built in a
process of its own, and opened in headless Chromium three times, of which the median is told (from
performance.timeOrigin to the first list).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import sync_playwright

EXAMPLES = Path(__file__).parents[1] / "examples" / "tasks.jsonl"
FAULTS = {"rate_limited": 0.01, "server_error": 0.01, "truncated": 0.01, "refusal": 0.01, "unreadable": 0.03}
OPENED = 3


def prefmill(*arguments: object) -> None:
    """Run the command line; end the benchmark where it fails."""
    subprocess.run([sys.executable, "-m", "prefmill", *map(str, arguments)], check=True)


def variant(task: dict[str, Any], number: int) -> dict[str, Any]:
    """The task as another one: equal ones would have the same answers, which the page holds once."""
    *before, last = task.get("messages", [{"role": "user", "content": task.get("instruction")}])
    asked = {**last, "content": f"{last['content']} (Case {number}.)"}
    others = {key: value for key, value in task.items() if key != "instruction"}
    return {**others, "id": f"q{number}", "messages": [*before, asked]}


def make(folder: Path, tasks: int) -> Path:
    """The run, where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    with (folder / "tasks.jsonl").open("w", encoding="utf-8") as file:
        for number in range(tasks):
            file.write(json.dumps(variant(examples[number % len(examples)], number)) + "\n")
    simulated = {"provider": "simulated", "sampling": {"temperature": 0.7}}
    recipe = {
        "name": "report",
        "seed": 17,
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**simulated, "model": model} for model in ("sim-oak-70b", "sim-birch-14b", "sim-pine-7b")],
        "compare": {"pairs": "random", "per_task": 2},
        "judge": {
            "judge": "judgelm",
            "protocol": "both_orders",
            "teachers": [{"provider": "simulated", "model": "sim-teacher-strong", "sampling": {"temperature": 0}}],
        },
        "filters": ["truncated_answers", "refusals", "failed_judgments", {"filter": "minimum_margin", "margin": 1}],
        "remove": ["position"],
        "exports": ["judgelm"],
        "world": {"latency": 0.001, "faults": FAULTS},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    if not (folder / "run" / "manifest.json").exists():
        prefmill("run", folder / "recipe.yaml", "--run-dir", folder / "run")
    return folder / "run"


def listed_ms(path: Path) -> float:
    """Milliseconds from asking for the page until its rows are listed."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page()
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("html[data-rows=listed]", state="attached")
        found: float = page.evaluate("performance.getEntriesByName('rows-listed')[0].startTime")
        browser.close()
    return found


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_400)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run = make(options.run or Path(temporary), options.tasks)
        path = Path(temporary) / "report.html"
        started, before = time.time(), os.times()
        prefmill("report", run, "-o", path)
        wall, after = time.time() - started, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        opened = statistics.median(listed_ms(path) for _ in range(OPENED))
        print(f"built in {wall:.1f} s ({cpu:.1f} s CPU), {path.stat().st_size / 1e6:.1f} MB, listed in {opened:.0f} ms")


if __name__ == "__main__":
    main()
