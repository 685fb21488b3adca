"""When a text holds an item of an evaluation set: the definition, slow and exact, that the index only speeds up.

Three rules, by the length of the item, all on words as `curation/duplicates/words.py` folds and splits them:

- from `LONG` words on, that of Tulu 3 (arXiv 2411.15124, section 3.2): the share of the item's words that stand in an
  8-gram which the text has, too;
- under that, where 8-grams see too little, 50 characters as in the GPT-4 report (arXiv 2303.08774, appendix C), counted
  without spaces: the longest run of the item's words that the text has, too, if it is the whole item, or has 50
  characters and `RUN` words. Here it is every run, not three drawn at random, and it is widened to whole words, so that
  `art` is not found in `start`;
- what is shorter still (`What is 2 + 2?`) stands in innocent texts as well: a message has to equal it.

A text holds an item where more than `MOST` of the item's words are in it, for every rule.
"""

from __future__ import annotations

from collections.abc import Sequence

NGRAM = 8
"""Words that have to follow each other in both, for long items."""
LONG = 20
"""Words from which on an item is long."""
RUN = 5
"""Words of the shortest item that is looked for within texts, and of the shortest part of one."""
CHARACTERS = 50
"""Characters that have to follow each other in both, for short items that are not there as a whole."""
SHORTEST = 25
"""Characters of the shortest item that is looked for within texts."""
MOST = 0.5
"""Share of an item's words from which on, exclusively, a text holds it. Tulu 3."""
SET_SHARE = 0.02
"""Share of a set's items from which on, exclusively, the set is told to be contaminated. Tulu 3."""


def is_long(item: Sequence[str]) -> bool:
    """Whether 8-grams decide about an item of these words."""
    return len(item) >= LONG


def is_short(item: Sequence[str]) -> bool:
    """Whether runs of words decide about an item of these words; what is neither short nor long has to be equal."""
    return RUN <= len(item) < LONG and _characters(item) >= SHORTEST


def share(item: Sequence[str], text: Sequence[str]) -> float:
    """Share of the words of a long or short item that a text with these words holds, 0..1."""
    return _covered(item, text) / len(item) if is_long(item) else _longest_run(item, text) / len(item)


def _covered(item: Sequence[str], text: Sequence[str]) -> int:
    there = {tuple(text[start : start + NGRAM]) for start in range(len(text) - NGRAM + 1)}
    count = behind = 0
    for start in range(len(item) - NGRAM + 1):
        if tuple(item[start : start + NGRAM]) in there:
            count += start + NGRAM - max(start, behind)
            behind = start + NGRAM
    return count


def _longest_run(item: Sequence[str], text: Sequence[str]) -> int:
    spaced = f" {' '.join(text)} "
    for length in range(len(item), RUN - 1, -1):
        for start in range(len(item) - length + 1):
            run = item[start : start + length]
            if (length == len(item) or _characters(run) >= CHARACTERS) and f" {' '.join(run)} " in spaced:
                return length
    return 0


def _characters(words: Sequence[str]) -> int:
    return sum(map(len, words))
