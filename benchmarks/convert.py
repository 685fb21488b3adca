"""Conversions in rows a second and peak memory, each in a process of its own on one core.

    python benchmarks/convert.py [ROWS] [FOLDER]

The rows are pairs of about 1 kB. First one format in other encodings (JSON lines to Parquet is the way that avoids
Python), then between formats, where every record becomes an Example.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "naïve",
    "question",
    "because",
    "therefore",
)
JOBS = (
    ("preference", "preference", "jsonl", "parquet"),
    ("preference", "preference", "parquet", "jsonl"),
    ("preference", "preference", "jsonl", "json"),
    ("preference", "preference", "json", "parquet"),
    ("preference", "preference_text", "jsonl", "jsonl"),
    ("judgelm", "preference", "jsonl", "jsonl"),
    ("judgelm", "preference", "jsonl", "parquet"),
)


def write_rows(folder: Path, rows: int) -> None:
    """`preference.*` and `judgelm.jsonl`, the same in every run."""
    draw = random.Random(1)

    def text(words: int) -> str:
        return " ".join(draw.choices(WORDS, k=words))

    with (folder / "preference.jsonl").open("wb") as pairs, (folder / "judgelm.jsonl").open("wb") as judged:
        for number in range(rows):
            question, first, second, why = text(20), text(60), text(60), text(20)
            pair = {
                "prompt": [{"role": "user", "content": question}],
                "chosen": [{"role": "assistant", "content": first}],
                "rejected": [{"role": "assistant", "content": second}],
                "margin": draw.choice((1, 2.5, 3)),
                "id": f"{number:016x}",
                "chosen_model": "model-a",
                "rejected_model": "model-b",
            }
            pairs.write(orjson.dumps(pair, option=orjson.OPT_APPEND_NEWLINE))
            row = {
                "review_id": f"review-{number}",
                "question_id": number,
                "answer1_id": f"first-{number}",
                "answer2_id": f"second-{number}",
                "reviewer_id": 1,
                "metadata": {},
                "text": f"8 5\n{why}",
                "score": [8.0, 5.0],
                "question_body": question,
                "answer1_body": first,
                "answer2_body": second,
                "answer1_model_id": "model-a",
                "answer2_model_id": "model-b",
                "answer1_metadata": {"decoding_method": "top_p_sampling"},
                "answer2_metadata": {"decoding_method": "top_p_sampling"},
                "reference": {"decoding_method": "None", "model": "gold", "text": why},
                "score_w_reference": [8.0, 5.0],
                "text_w_reference": f"8 5\n{why}",
            }
            judged.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def convert_one(source: str, target: str, inputs: str, outputs: str, out_as: str) -> None:
    """One conversion in this process; its figures go to standard output."""
    from prefmill.generators.records.format_files import format_named
    from prefmill.pipelines.convert import convert

    began, busy = time.perf_counter(), time.process_time()
    done = convert(
        format_named(source, "--from"), format_named(target, "--to"), Path(inputs), Path(outputs), out_as=out_as
    )
    figures = {
        "rows": done.count.entered,
        "kept": done.count.kept,
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - busy,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures))


def main() -> None:
    if len(sys.argv) > 3:
        convert_one(*sys.argv[1:])
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name)
        write_rows(folder, rows)
        print(f"{'conversion':<44}{'rows/s':>10}{'rows/CPU s':>12}{'peak MB':>9}")
        for source, target, given, made in JOBS:
            inputs, outputs = (
                folder / f"{source}.{given}",
                folder / (f"{target}.{made}" if source == target else f"{source}-{target}-{made}"),
            )
            command = [sys.executable, __file__, source, target, str(inputs), str(outputs), made]
            figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            assert figures["kept"] > 0.9 * rows or source != target
            job = f"{source}.{given} -> {target}.{made}"
            speed, busy = rows / figures["seconds"], rows / figures["cpu_s"]
            print(f"{job:<44}{speed:>10,.0f}{busy:>12,.0f}{figures['peak_mb']:>9,.0f}")


if __name__ == "__main__":
    main()
