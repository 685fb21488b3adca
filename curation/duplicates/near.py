"""Near duplicates among many texts: counted, not estimated.

A million prompts of 34 words take some 15 s of CPU time and 0.8 GiB. Many texts of one template take more: up to 0.4 ms
and 10 KB a text (`prefixes.FEWEST_FOLLOWING`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kept import Pairs, keep, together
from .overlaps import overlaps
from .prefixes import Candidates
from .sets import TextSets
from .shingles import Hashes, mixed, shingles
from .words import Positions

THRESHOLD, NGRAM = 0.7, 3
"""Jaccard index of near duplicates (that of StarCoder's data, arXiv 2305.06161), and words in an n-gram: a changed word
costs a text three 3-grams, and would cost a prompt too many of the 5-grams by which web pages are compared."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found among n texts, by their numbers from 0 on."""

    of: Positions
    """Shape (n,): the text that each duplicates, which stays itself; -1 for a text that stays."""
    likeness: NDArray[np.float64]
    """Shape (n,): Jaccard index of the two, between the threshold and 1; NaN for a text that stays."""
    clusters: Positions
    """Shape (n,): connected components of the likeness, numbered from 0 on in the order of their first texts."""
    compared: int
    """Pairs whose common n-grams were counted."""
    skipped: int
    """Pairs that share a rare n-gram and were not looked at, because too many texts have it (`MOST_PAIRS`); a pair
    is counted once for each. 0: every pair with the threshold's likeness was found."""


def near_duplicates(
    sets: TextSets,
    threshold: float = THRESHOLD,
    order: Positions | None = None,
    groups: Positions | None = None,
) -> Duplicates:
    """Texts with a Jaccard index of at least `threshold`, over 0 and at most 1, to one that stays.

    `order`, shape (n,): each text's place in the order of preference; without it the earlier of two texts stays. Of
    texts with the same n-grams only the preferred one is looked at, and the others go where it goes, or to it.
    `groups`, shape (n,): texts of different groups are never duplicates of each other.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be over 0 and at most 1 (got {threshold:g})")
    count = len(sets)
    order = np.arange(count) if order is None else order
    groups = np.zeros(count, dtype=np.int64) if groups is None else groups
    first = _identical(sets.sums ^ mixed(groups.astype(np.uint64)), order)
    candidates = Candidates(sets, np.flatnonzero(first == np.arange(count)), threshold, groups)
    alike, compared = _alike(sets, candidates, threshold, groups)
    of, likeness = keep(alike, order)
    copies = np.flatnonzero(first != np.arange(count))
    gone = of[first[copies]] >= 0
    of[copies] = np.where(gone, of[first[copies]], first[copies])
    likeness[copies] = np.where(gone, likeness[first[copies]], 1.0)
    linked = Pairs(
        np.concatenate([alike.ones, copies]), np.concatenate([alike.others, first[copies]]),
        np.concatenate([alike.likeness, np.ones(len(copies))]),
    )  # fmt: skip
    return Duplicates(of, likeness, together(linked, count), compared, candidates.skipped)


def clusters(texts: Iterable[str], threshold: float = THRESHOLD, ngram: int = NGRAM) -> tuple[Positions, int]:
    """For each text the number of its cluster, shape (n,): 0 for that of the first text, and on in order of appearance;
    and `Duplicates.skipped`.

    Two texts with a Jaccard index of at least `threshold` over their word `ngram`s are in one cluster, and so is
    whatever hangs together by such pairs. Whoever splits rows puts a whole cluster on one side: then no text has a near
    duplicate on the other, but for what `Duplicates.skipped` is about. The texts are read once and need not fit into
    memory; the same texts give the same clusters.
    """
    with TextSets(ngram) as sets:
        sets.add(texts)
        found = near_duplicates(sets, threshold)
        return found.clusters, found.skipped


def jaccard(one: str, other: str, ngram: int = NGRAM) -> float:
    """Share of the word `ngram`s of either text that are in both, 0..1."""
    sizes, hashes = shingles([one, other], ngram)
    common = len(np.intersect1d(hashes[: sizes[0]], hashes[sizes[0] :], assume_unique=True))
    return common / (len(hashes) - common)


def _identical(sums: Hashes, order: Positions) -> Positions:
    """For each text the preferred one of those with the same hash; itself where there is none before it."""
    by_sum = np.lexsort((order, sums))
    new = np.concatenate([[True], sums[by_sum][1:] != sums[by_sum][:-1]])[: len(sums)]
    first = np.empty(len(sums), dtype=np.int64)
    first[by_sum] = by_sum[new][np.cumsum(new) - 1]
    return first


def _alike(sets: TextSets, candidates: Candidates, threshold: float, groups: Positions) -> tuple[Pairs, int]:
    """The candidates with at least the threshold's index, and how many had to be counted for that."""
    sizes, bits, hashes = sets.sizes, sets.bits, sets.hashes
    starts = np.cumsum(sizes) - sizes
    found = [np.empty((0, 2), dtype=np.int64)]
    values = [np.empty(0)]
    compared = 0
    for possible in candidates:
        either = sizes[possible[0]] + sizes[possible[1]]
        # Each bit that one set has alone is an n-gram that it has alone (Bitmap Filter, arXiv 1711.07295).
        most = (either - np.bitwise_count(bits[possible[0]] ^ bits[possible[1]]).sum(axis=1)) / 2
        likely = most >= threshold * (either - most) - 1e-9
        likely &= groups[possible[0]] == groups[possible[1]]
        ones, others = possible[0][likely], possible[1][likely]
        compared += len(ones)
        common = overlaps(hashes, starts, sizes, ones, others)
        likeness = common / (either[likely] - common)
        there = likeness >= threshold
        found.append(np.stack([ones[there], others[there]], axis=1))
        values.append(likeness[there])
    both = np.concatenate(found)
    return Pairs(both[:, 0], both[:, 1], np.concatenate(values)), compared
