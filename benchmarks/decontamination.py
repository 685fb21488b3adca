"""What decontamination costs and finds on a million prompts, against evaluation sets of two million n-grams.

    python benchmarks/decontamination.py [--rows 1000000] [--items 30000] [--seed 0]

Prompts and items have words from a Zipf vocabulary of 50,000: prompts 34 of them in the mean, four in five items 90 and
the others 5 to 19. Into one prompt in 200 an item is planted: as the whole prompt, with text around it, with its case,
spaces and punctuation changed, or 70 % of it in one piece; items that are too short to be looked for within texts only
as the whole prompt. What is dropped without having been planted is shown: a short item of frequent words may come up by
chance. The search runs in a process of its own, which reads both files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prefmill.curation.contamination.against import Against
from prefmill.curation.contamination.items import Index, Search
from prefmill.curation.contamination.rule import NGRAM, is_long, is_short
from prefmill.curation.duplicates.words import words

WORDS, ITEM_WORDS, VOCABULARY, PLANTED = 34, 90, 50_000, 0.005
KINDS = ("the whole prompt", "with text around it", "case, spaces, punctuation", "70 % in one piece")


class Text:
    """Draws texts of words that are as frequent as words are."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        letters = "etaoinshrdlucmfwygpbvkxqjz"
        self._words = ["".join(self.draw.choices(letters, k=self.draw.randint(2, 10))) for _ in range(VOCABULARY)]
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def of(self, count: int) -> str:
        """A text of so many words."""
        chosen = self.draw.choices(self._words, cum_weights=self._weights, k=count)
        for place in range(0, count, 9):
            chosen[place] = chosen[place].capitalize()
            chosen[place - 1] += "."
        return " ".join(chosen)

    def about(self, count: int) -> str:
        """A text of about so many words, at least 4."""
        return self.of(max(4, round(self.draw.gammavariate(4, count / 4))))


def planted(item: str, kind: int, text: Text) -> str:
    """A prompt that holds an item, in one of `KINDS`."""
    if kind == 0:
        return item
    if kind == 1:
        return f"{text.about(WORDS)} {item} {text.about(WORDS)}"
    if kind == 2:
        return "  ".join(text.draw.choice((word.upper(), word.strip(".") + ",", word)) for word in item.split(" "))
    pieces = item.split(" ")
    first = text.draw.randrange(len(pieces) - int(0.7 * len(pieces)) + 1)
    return f"{text.about(WORDS)} {' '.join(pieces[first : first + int(0.7 * len(pieces))])}"


def allowed(item: list[str]) -> int:
    """How many of `KINDS` an item of these words can be found in, the first ones."""
    return 4 if is_long(item) else 3 if is_short(item) else 1


def write(folder: Path, rows: int, items: int, seed: int) -> dict[int, int]:
    """Writes items and prompts; the kind of each planted row."""
    text = Text(seed)
    sizes = [None if text.draw.random() < 0.8 else text.draw.randint(5, 19) for _ in range(items)]
    all_items = [text.about(ITEM_WORDS) if size is None else text.of(size) for size in sizes]
    pq.write_table(pa.table({"question": all_items}), folder / "items.parquet")
    truth = {}
    with pq.ParquetWriter(folder / "prompts.parquet", pa.schema([("text", pa.string())])) as writer:
        for first in range(0, rows, 65536):
            some = []
            for row in range(first, min(first + 65536, rows)):
                if text.draw.random() < PLANTED:
                    item = all_items[text.draw.randrange(items)]
                    truth[row] = text.draw.randrange(allowed(words(item)))
                    some.append(planted(item, truth[row], text))
                else:
                    some.append(text.about(WORDS))
            writer.write_table(pa.table({"text": some}))
    return truth


def prompts(path: Path) -> Iterator[tuple[str]]:
    """The prompts of the file, a batch in memory at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(8192):
            yield from ((text,) for text in batch.column(0).to_pylist())


def child(folder: Path) -> None:
    """Searches, writes what was found, and prints what that took."""
    cpu, wall = time.process_time(), time.perf_counter()
    index = Index(list(Against(file=folder / "items.parquet").items()))
    built = time.process_time() - cpu
    found = {
        row: (held.item.id, str(held))
        for row, held in enumerate(Search(index).look(prompts(folder / "prompts.parquet")))
        if held is not None
    }
    took = {"built": built, "cpu": time.process_time() - cpu - built, "wall": time.perf_counter() - wall}
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")
    print(json.dumps({**took, "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what it took, and what was found of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(Path(options.child))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = write(folder, options.rows, options.items, options.seed)
        command = [sys.executable, __file__, "--child", name]
        took = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found = {int(row): held for row, held in json.loads((folder / "found.json").read_text("utf-8")).items()}
        table = pq.read_table(folder / "items.parquet").column(0).to_pylist()
        counts = [len(words(text)) for text in table]
        print(f"{options.rows:,} prompts against {options.items:,} items with "
              f"{sum(max(0, count - NGRAM + 1) for count in counts):,} 8-grams; "
              f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} CPUs")  # fmt: skip
        print(f"index {took['built']:.1f} CPU s; search {took['cpu']:.1f} CPU s, {options.rows / took['cpu']:,.0f} rows"
              f" a CPU s; {took['wall']:.1f} s in all; peak {took['peak_kb'] / 2**20:.2f} GiB\n")  # fmt: skip
        there = Counter(truth.values())
        hit = Counter(kind for row, kind in truth.items() if row in found)
        print("| planted | rows | found |\n|---|--:|--:|")
        for kind, called in enumerate(KINDS):
            print(f"| {called} | {there[kind]:,} | {hit[kind]:,} |")
        print(f"\ndropped without having been planted: {[found[row] for row in sorted(found.keys() - truth.keys())]}")


if __name__ == "__main__":
    main()
