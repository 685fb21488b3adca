"""Prompts some of which are copies of earlier ones, edited in known ways, and how alike the two are.

34 words in the mean from a Zipf vocabulary of 50,000, in sentences; 4 % are copies, in four kinds of edit. Jaccard
indexes are counted from sets of strings.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

WORDS, VOCABULARY, COPIES, NGRAM = 34, 50_000, 0.04, 3
EDITS, EACH = 4, 16
"""Kinds of edit (`edited`); every 16th prompt is there to be copied."""
WORD = re.compile(r"[^\W_]+")


def prompts(rows: int, seed: int) -> Iterator[tuple[str, int]]:
    """A text, and the row that it is a copy of; -1 for none."""
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices("etaoinshrdlucmfwygpbvkxqjz", k=draw.randint(2, 10))) for _ in range(VOCABULARY)]
    weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    originals: list[tuple[int, str]] = []
    for row in range(rows):
        if originals and draw.random() < COPIES:
            origin, text = draw.choice(originals)
            yield edited(text, draw.randrange(EDITS), draw, vocabulary), origin
            continue
        words = draw.choices(vocabulary, cum_weights=weights, k=max(4, round(draw.gammavariate(4, WORDS / 4))))
        text = sentences(words, draw)
        if row % EACH == 0:
            originals.append((row, text))
        yield text, -1


def sentences(words: list[str], draw: random.Random) -> str:
    """The words as sentences of 6 to 14."""
    made = []
    while words:
        length = draw.randint(6, 14)
        made.append(" ".join(words[:length]).capitalize() + draw.choice(".?!"))
        words = words[length:]
    return " ".join(made)


def edited(text: str, kind: int, draw: random.Random, vocabulary: list[str]) -> str:
    """The text after an edit: 0 spaces, 1 case and punctuation, 2 one to four words, 3 a sentence more or less."""
    words = text.split(" ")
    if kind == 0:
        return "  ".join(words) + "\n"
    if kind == 1:
        return " ".join(draw.choice((word.upper(), word.strip(".?!") + ",", word)) for word in words)
    if kind == 2:
        for _ in range(draw.randint(1, 4)):
            words[draw.randrange(len(words))] = draw.choice(vocabulary)
        return " ".join(words)
    parts = text.replace("?", ".").replace("!", ".").split(". ")
    if len(parts) > 1 and draw.random() < 0.5:
        del parts[draw.randrange(len(parts))]
        return ". ".join(parts)
    return f"{text} {sentences(draw.choices(vocabulary, k=draw.randint(3, 9)), draw)}"


@dataclass(frozen=True)
class Corpus:
    """Prompts in a file, and what is true of them."""

    path: Path
    rows: int
    pairs: dict[tuple[int, int], float]
    """Row of a copy and of its origin: their Jaccard index."""

    @classmethod
    def write(cls, path: Path, rows: int, seed: int) -> Corpus:
        """Makes the prompts."""
        pairs, originals = {}, {}
        with pq.ParquetWriter(path, pa.schema([("text", pa.string())])) as writer:
            some: list[str] = []
            for row, (text, origin) in enumerate(prompts(rows, seed)):
                some.append(text)
                if origin >= 0:
                    pairs[row, origin] = likeness(text, originals[origin])
                elif row % EACH == 0:
                    originals[row] = text
                if len(some) == 65536 or row == rows - 1:
                    writer.write_table(pa.table({"text": some}))
                    some = []
        return cls(path, rows, pairs)

    def texts(self) -> Iterator[str]:
        """The texts, a batch in memory at a time."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(8192, columns=["text"]):
                yield from batch.column(0).to_pylist()


def likeness(one: str, other: str) -> float:
    """Jaccard index, from the sets of strings."""
    first, second = strings(one), strings(other)
    return len(first & second) / len(first | second)


def strings(text: str) -> set[str]:
    """Word n-grams as a person would write them down, for those who take strings."""
    words = WORD.findall(text.lower())
    return {" ".join(words[k : k + NGRAM]) for k in range(max(1, len(words) - NGRAM + 1))}
