"""Small random corpora, and what is true of them by looking at every pair of sets of strings."""

from __future__ import annotations

import random
from itertools import combinations

from prefmill.curation.duplicates.words import words


def corpus(seed: int, size: int = 120, vocabulary: int = 120, longest: int = 40) -> list[str]:
    """Texts half of which are edited copies of earlier ones, copies of copies included."""
    draw = random.Random(seed)
    names = [f"w{number}" for number in range(vocabulary)]
    texts: list[str] = []
    for _ in range(size):
        if texts and draw.random() < 0.5:
            copy = draw.choice(texts).split()
            for _ in range(draw.randint(0, 3)):
                place = draw.randrange(len(copy)) if copy else 0
                copy[place : place + 1] = draw.choices(names, k=draw.randint(0, 2))
            texts.append(" ".join(copy))
        else:
            texts.append(" ".join(draw.choices(names, k=draw.randint(0, longest))))
    return texts


def as_set(text: str, ngram: int) -> frozenset[tuple[str, ...]]:
    """The n-grams of a text as tuples of words."""
    found = words(text)
    if len(found) < ngram:
        return frozenset({tuple(found) or (" ".join(text.split()),)})
    return frozenset(zip(*(found[step:] for step in range(ngram)), strict=False))


def alike(texts: list[str], threshold: float, ngram: int = 3) -> dict[tuple[int, int], float]:
    """Every pair with at least the threshold's Jaccard index."""
    sets = [as_set(text, ngram) for text in texts]
    found = {}
    for one, other in combinations(range(len(texts)), 2):
        likeness = len(sets[one] & sets[other]) / len(sets[one] | sets[other])
        if likeness >= threshold:
            found[one, other] = likeness
    return found
