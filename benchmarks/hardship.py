"""What goes wrong, at the size of a real run: kills, a full endpoint, faults, and memory as runs grow.

    python benchmarks/hardship.py [kills|limit|faults|growth ...] [--rows 2000]

Each is a run of `prefmill` as a process of its own against `endpoint.py`, which counts what it is asked.

    kills    `kill -9` at 20 random moments; the files are compared with those of a run that nobody disturbed
    limit    HTTP 429 with `Retry-After: 1` above 32 requests in flight, 1,000 rows; against the ideal time of 32 slots
    faults   5 % HTTP 500, 2 % malformed JSON, 1.5 % empty content, and 1 in 500 never answers
    growth   peak memory at 2,000 and at 20,000 rows
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from throughput import endpoint, measure, recipe, serving

KILLS = 20


def command(path: Path) -> list[str]:
    """The run of a recipe in the folder beside it."""
    return [sys.executable, "-m", "prefmill", "run", str(path), "--run-dir", str(path.parent / "run")]


def contents(folder: Path) -> dict[str, str]:
    """File -> hash of its content, for everything that is not about this one process."""
    files = (path for path in sorted((folder / "run").rglob("*")) if path.suffix in (".parquet", ".jsonl"))
    return {str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest() for path in files}


def stages(folder: Path) -> dict[str, Any]:
    """The waterfall of a run."""
    found: dict[str, Any] = json.loads((folder / "run" / "manifest.json").read_text())["stages"]
    return found


def kills(folder: Path, rows: int) -> None:
    """Kill a run at random moments until it has survived them all, then let it end."""
    in_flight, draw = 64, random.Random(17)
    whole, torn = folder / "whole", folder / "torn"
    for place in (whole, torn):
        place.mkdir()
    subprocess.run(command(recipe(whole, "full", "const", rows, in_flight)), check=True, capture_output=True)
    endpoint("/reset", "POST")
    path = recipe(torn, "full", "const", rows, in_flight)
    for number in range(KILLS):
        with subprocess.Popen(command(path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            before = endpoint("/stats")["requests"]
            while endpoint("/stats")["requests"] == before and process.poll() is None:
                time.sleep(0.05)
            # Some are killed while calls are in flight, some while parts and files are written at the end.
            time.sleep(draw.uniform(0.02, 0.5) if number < KILLS - 4 else draw.uniform(0.5, 12))
            process.kill()
    subprocess.run(command(path), check=True, capture_output=True)
    lost, equal = rows - stages(torn)["verdicts"]["kept"], contents(whole) == contents(torn)
    repeats = endpoint("/stats")["repeats"]
    print(
        f"kills: {KILLS} kills over {rows:,} rows: rows lost {lost}; {repeats:,} of {3 * rows:,} calls repeated, "
        f"{repeats / KILLS:.0f} a kill with {3 * in_flight} in flight; files equal: {equal}"
    )


def limit(folder: Path, rows: int) -> None:
    """A run with more slots than the endpoint allows."""
    figures = measure(command(recipe(folder, "one", "limit", rows, 256)), folder)
    assert figures is not None
    ideal, found = rows / 32 * 0.2, stages(folder)
    codes = endpoint("/stats")["codes"]
    print(
        f"limit: {rows:,} rows in {figures['active']:.2f} s, {figures['active'] / ideal:.2f} of ideal ({ideal:.2f} s);"
        f" rows lost {rows - found['verdicts']['kept']}, replies {codes}"
    )


def faults(folder: Path, rows: int) -> None:
    """A run against an endpoint that fails in four ways."""
    path = recipe(folder, "full", "faults", rows, 64)
    plain = yaml.safe_load(path.read_text())
    for provider in (*plain["answers"], *plain["judge"]["teachers"]):
        provider["timeout"] = 20
    path.write_text(yaml.safe_dump(plain))
    figures = measure(command(path), folder)
    assert figures is not None
    found = stages(folder)
    answers = [row for part in (folder / "run/2-answers").iterdir() for row in pq.read_table(part).to_pylist()]
    empty = sum(row["failure"] is None and not row["text"].strip() for row in answers)
    lost = {stage: {**count["dropped"], **count["failed"]} for stage, count in found.items() if "export" not in stage}
    whole = all(c["in"] == c["kept"] + sum(c["dropped"].values()) + sum(c["failed"].values()) for c in found.values())
    print(
        f"faults: {rows:,} rows in {figures['active']:.1f} s: verdicts {found['verdicts']['kept']:,}; in = kept + "
        f"dropped + failed at every stage: {whole}; empty answers taken for good {empty} of {len(answers):,}; "
        f"replies {endpoint('/stats')['codes']}; lost {lost}"
    )


def growth(folder: Path, rows: int) -> None:
    """Peak memory of a small run and of one ten times as large."""
    found = []
    for number in (rows, 10 * rows):
        place = folder / str(number)
        place.mkdir()
        figures = measure(command(recipe(place, "full", "fast", number, 64)), place)
        assert figures is not None
        found.append((number, figures))
        print(f"growth: {number:,} rows: {figures['rss_mb']:.0f} MB, {figures['active']:.1f} s", flush=True)
    print(f"growth: {found[1][1]['rss_mb'] / found[0][1]['rss_mb']:.2f} times the memory for ten times the rows")


def main() -> None:
    """Run the chosen hardships."""
    all_of_them = {"kills": kills, "limit": limit, "faults": faults, "growth": growth}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", default=list(all_of_them), choices=list(all_of_them))
    parser.add_argument("--rows", type=int, default=2000)
    options = parser.parse_args()
    for name in options.which:
        folder = Path(tempfile.mkdtemp(prefix="prefmill-hardship-"))
        try:
            with serving():
                all_of_them[name](folder, 1000 if name == "limit" else options.rows)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
