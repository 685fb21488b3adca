"""What curation costs and finds on a million prompts.

    python benchmarks/curation.py near-duplicates [--rows 1000000] [--only prefmill,rensa] [--seed 0]

near-duplicates: prompts of which 4 % are copies of earlier ones (`planted_copies.py`). Every method reads the same
parquet file in a process of its own, whose CPU time and greatest resident memory are told. It drops what has a Jaccard
index of 0.7 or more over word 3-grams with an earlier prompt; the indexes in the table are counted from sets of
strings, by none of the methods. The others run where they are installed: `pip install datasketch rensa`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from planted_copies import NGRAM, Corpus, likeness, strings

from prefmill.curation.duplicates.near import near_duplicates
from prefmill.curation.duplicates.sets import TextSets

SHARE, PERMUTATIONS, AT_ONCE = 0.7, 128, 8192
BANDS = {1.0: "1", 0.9: ".9-1", 0.8: ".8-.9", 0.7: ".7-.8", 0.6: ".6-.7", 0.5: ".5-.6"}


def with_prefmill(texts: Iterator[str]) -> Iterator[tuple[int, int]]:
    """Each duplicate, and the row that it is said to repeat."""
    with TextSets(NGRAM) as sets:
        sets.add(texts)
        of = near_duplicates(sets, SHARE).of
    gone = np.flatnonzero(of >= 0)
    return zip(gone.tolist(), of[gone].tolist(), strict=True)


def with_datasketch(texts: Iterator[str]) -> Iterator[tuple[int, int]]:
    """As its documentation does it: ask, then insert what is new; bands are its own choice for the threshold."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=SHARE, num_perm=PERMUTATIONS)
    pieces = ([piece.encode() for piece in strings(text)] for text in texts)
    for row, sketch in enumerate(MinHash.generator(pieces, num_perm=PERMUTATIONS)):
        found = index.query(sketch)
        if found:
            yield row, min(found)
        else:
            index.insert(row, sketch, check_duplication=False)


def with_rensa(texts: Iterator[str]) -> Iterator[tuple[int, int]]:
    """As its documentation does it, with the 16 bands of 8 rows that its own benchmark uses."""
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=SHARE, num_perm=PERMUTATIONS, num_bands=16)
    rows = count()
    while some := [strings(text) for text in islice(texts, AT_ONCE)]:
        for sketch, row in zip(RMinHash.from_token_sets(some, PERMUTATIONS, 42), rows, strict=False):
            found = index.query(sketch)
            if found:
                yield row, min(found)
            else:
                index.insert(row, sketch)


METHODS: dict[str, Callable[[Iterator[str]], Iterator[tuple[int, int]]]] = {
    "prefmill": with_prefmill, "rensa": with_rensa, "datasketch": with_datasketch,
}  # fmt: skip


def child(method: str, path: Path, out: Path) -> None:
    """Runs one method and writes what it found; prints what that took, reading included."""
    started, cpu = time.perf_counter(), time.process_time()
    found = np.array(list(METHODS[method](Corpus(path, 0, {}).texts())), dtype=np.int64).reshape(-1, 2)
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - started}
    np.save(out, found)
    print(json.dumps({**took, "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


def near_duplicates_table(rows: int, seed: int, only: Sequence[str]) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus.write(Path(folder) / "prompts.parquet", rows, seed)
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"
        print(f"{rows:,} prompts, {len(corpus.pairs):,} planted copies; recall by Jaccard index J; {load}\n")
        sizes = Counter(band(value) for value in corpus.pairs.values())
        bands = " | ".join(f"{name} ({sizes[low]:,})" for low, name in BANDS.items())
        print(f"| method | rows / CPU s | wall s | peak RSS | {bands} | J >= 0.7 | dropped | of them J < 0.7 |")
        print("|---" + "|--:" * (len(BANDS) + 6) + "|")
        for method in only:
            if method != "prefmill" and importlib.util.find_spec(method) is None:
                print(f"| {method}: not installed |")
                continue
            out = Path(folder) / f"{method}.npy"
            command = [sys.executable, __file__, "near-duplicates", "--child", method, str(corpus.path), str(out)]
            took = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            print(line(method, took, corpus, dict(np.load(out).tolist())), flush=True)


def line(method: str, took: dict[str, Any], corpus: Corpus, of: dict[int, int]) -> str:
    """One row of the table; `of` says what each dropped row repeats. A pair is found where its copy is dropped, or the
    origin for the copy."""
    hits: Counter[float] = Counter()
    for (copy, origin), value in corpus.pairs.items():
        hits[band(value)] += copy in of or of.get(origin) == copy
    sizes = Counter(band(value) for value in corpus.pairs.values())
    named = set(of) | set(of.values())
    texts = {row: text for row, text in enumerate(corpus.texts()) if row in named}
    false = sum(likeness(texts[gone], texts[kept]) < SHARE for gone, kept in of.items())
    close = [low for low in BANDS if low >= SHARE]
    recalls = [
        *((hits[low], sizes[low]) for low in BANDS),
        (sum(hits[at] for at in close), sum(sizes[at] for at in close)),
    ]
    cells = [
        method, f"{corpus.rows / took['cpu']:,.0f}", f"{took['wall']:.0f}", f"{took['peak_kb'] / 2**20:.2f} GiB",
        *(f"{hit / size:.4f}" if size else "-" for hit, size in recalls), f"{len(of):,}", f"{false:,}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def band(value: float) -> float:
    """The lower end of the band that a Jaccard index is in; 0 below them all."""
    return next((low for low in BANDS if value >= low), 0.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table of one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["near-duplicates"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(METHODS))
    parser.add_argument("--child", nargs=3, metavar=("METHOD", "FILE", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        method, path, out = options.child
        child(method, Path(path), Path(out))
        return
    near_duplicates_table(options.rows, options.seed, options.only.split(","))


if __name__ == "__main__":
    main()
