"""Items of evaluation sets, an index of many, and a search that tells what texts hold and what of each set was met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..duplicates.words import Positions, normalised, words
from .coverage import Coverage
from .rule import MOST, NGRAM, RUN, SET_SHARE, is_long, is_short, share
from .runs import Runs, some


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an evaluation set."""

    set: str
    """The set's name."""
    id: str
    """Its id in the set, or where it stands: `test.csv:17`."""
    texts: tuple[str, ...]
    """Its texts, such as the turns of a chat; each counts by itself. Blank ones do not count."""


@dataclass(frozen=True, slots=True)
class Held:
    """What of an evaluation set a text holds."""

    item: Item
    share: float
    """Share of the words of one of the item's texts, over 0.5 and at most 1."""
    words: int
    """How many words that text has."""

    def __str__(self) -> str:
        return f"{self.item.set} {self.item.id}: {self.share:.0%} of its {self.words} words"


class Index:
    """Items of evaluation sets, ready to be looked for; does not change."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = [item for item in items if any(text.strip() for text in item.texts)]
        owners: dict[str, list[int]] = {}
        originals: list[str] = []
        self.words: list[list[str]] = []
        """Words of each text; texts that are the same once normalised are one."""
        of = [number for number, item in enumerate(self.items) for text in item.texts if text.strip()]
        texts = ((text,) for item in self.items for text in item.texts if text.strip())
        for number, (text, form, count) in zip(of, _counted(texts), strict=True):
            if form not in owners:
                originals.append(text)
                self.words.append(form.split(" ") if count else [])
            owners.setdefault(form, []).append(number)
        self.owners = [sorted(set(numbers)) for numbers in owners.values()]
        """Items that have each text."""
        numbers = range(len(originals))
        self._by_ngram = [
            (np.array(chosen, dtype=np.int64), Coverage([originals[text] for text in chosen], ngram))
            for chosen, ngram in (
                ([text for text in numbers if is_long(self.words[text])], NGRAM),
                ([text for text in numbers if is_short(self.words[text])], RUN),
            )
        ]
        self._equal = {
            form: text
            for text, form in enumerate(owners)
            if not is_long(self.words[text]) and not is_short(self.words[text])
        }
        tiny = [form for form in self._equal if self.words[self._equal[form]]]
        runs = Runs([originals[self._equal[form]] for form in tiny])
        self._equal_hashes = np.unique(runs.hashes(runs.firsts, runs.counts))

    def proposed(self, rows: Sequence[Sequence[str]]) -> Iterator[tuple[int, int, float]]:
        """Row, text and share of its words, where a row, of one or more messages, seems to hold the text."""
        messages = [message for row in rows for message in row]
        row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        runs = Runs(messages)
        for numbers, coverage in self._by_ngram:
            row, text, shares = coverage.held(runs, np.repeat(row_of, runs.counts))
            yield from zip(row.tolist(), numbers[text].tolist(), shares.tolist(), strict=True)
        likely = self._likely_equal(runs)
        for message, form in zip(likely, normalised([messages[message] for message in likely]), strict=True):
            if form in self._equal:
                yield int(row_of[message]), self._equal[form], 1.0

    def _likely_equal(self, runs: Runs) -> list[int]:
        """Messages that may be the same as a text that is too short to be looked for within them."""
        some_words = np.flatnonzero(runs.counts)
        hashes = runs.hashes(runs.firsts[some_words], runs.counts[some_words])
        equal: Positions = some_words[np.isin(hashes, self._equal_hashes)]
        return sorted([*equal.tolist(), *np.flatnonzero(runs.counts == 0).tolist()])


class Search:
    """One search through many texts, which counts what it meets."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._met = np.zeros(len(index.items), dtype=np.bool_)

    def look(self, rows: Iterable[Sequence[str]]) -> Iterator[Held | None]:
        """For each row, of one or more messages, what it holds most of; the first of equals. None: of no item enough.

        The rows are taken once, some thousands at a time.
        """
        for part in some(rows):
            proposed: dict[int, list[tuple[int, float]]] = {}
            for number, text, covered in self._index.proposed(part):
                proposed.setdefault(number, []).append((text, covered))
            for number, row in enumerate(part):
                yield self._most(row, proposed[number]) if number in proposed else None

    def told(self) -> Mapping[str, Any]:
        """By set: its `items`, how many were `met`, their `share`, and whether the set is `contaminated` by that."""
        sets: dict[str, list[bool]] = {}
        for item, met in zip(self._index.items, self._met.tolist(), strict=True):
            sets.setdefault(item.set, []).append(met)
        return {
            name: {
                "items": len(met),
                "met": sum(met),
                "share": round(sum(met) / len(met), 4),
                "contaminated": sum(met) / len(met) > SET_SHARE,
            }
            for name, met in sets.items()
        }

    def _most(self, row: Sequence[str], proposed: list[tuple[int, float]]) -> Held | None:
        index = self._index
        own = words("\n".join(row))
        most: Held | None = None
        for text, covered in sorted(proposed, key=lambda each: (-each[1], -len(index.words[each[0]]), each[0])):
            owners, item = index.owners[text], index.words[text]
            if most is not None and covered <= most.share and self._met[owners].all():
                continue
            exact = share(item, own) if is_long(item) or is_short(item) else covered
            if exact > MOST:
                self._met[owners] = True
                if most is None or exact > most.share:
                    most = Held(index.items[owners[0]], exact, len(item))
        return most


def _counted(texts: Iterable[tuple[str]]) -> Iterator[tuple[str, str, int]]:
    """Each text with its normalised form and the number of words in that."""
    for part in some(texts):
        originals = [text for (text,) in part]
        yield from zip(originals, normalised(originals), Runs(originals).counts.tolist(), strict=True)
