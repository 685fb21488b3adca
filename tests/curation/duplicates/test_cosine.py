"""Vectors that are alike: against all pairs, in clusters, and vectors of words against their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from prefmill.curation.duplicates import cosine
from prefmill.curation.duplicates.bags import Vectors, bags, unit
from prefmill.curation.duplicates.sets import TextSets

from .little_corpus import corpus


def planted(seed: int, count: int, size: int = 32) -> Vectors:
    """Vectors half of which are near an earlier one."""
    draw = np.random.default_rng(seed)
    found = draw.normal(size=(count, size)).astype(np.float32)
    for row in range(1, count, 2):
        found[row] = found[draw.integers(row)] + draw.normal(size=size) * 0.3 * draw.random()
    return unit(found)


def by_definition(
    vectors: Vectors, threshold: float, order: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[list[int], list[float]]:
    near = vectors @ vectors.T
    of, value = [-1] * len(order), [math.nan] * len(order)
    kept: list[int] = []
    for text in np.argsort(order).tolist():
        possible = [other for other in kept if groups[other] == groups[text]]
        if possible and (best := near[text, possible].max()) >= threshold:
            of[text], value[text] = possible[int(near[text, possible].argmax())], min(float(best), 1.0)
        else:
            kept.append(text)
    return of, value


@pytest.mark.parametrize("count", [0, 1, 300, 1300])
def test_up_to_some_thousand_texts_all_pairs_are_compared(count: int) -> None:
    vectors = planted(count, count)
    draw = np.random.default_rng(1)
    order, groups = draw.permutation(count), draw.integers(0, 2, count)
    of, value = cosine.alike(vectors, 0.92, order, groups, seed=0)
    expected, values = by_definition(vectors, 0.92, order, groups)
    assert of.tolist() == expected
    assert np.allclose(value, values, atol=1e-5, equal_nan=True)
    assert count < 300 or sum(one >= 0 for one in expected) > count / 4


@pytest.mark.slow
def test_more_are_compared_in_clusters_and_most_are_found() -> None:
    """The worst case, a cloud without clusters: what lies across a border is missed."""
    count = cosine.WITHOUT_CLUSTERS + 4000
    vectors = planted(5, count)
    of, value = cosine.alike(vectors, 0.92, np.arange(count), np.zeros(count, dtype=np.int64), seed=0)
    gone = np.flatnonzero(of >= 0)
    assert (of[of[gone]] < 0).all()
    assert np.allclose(np.einsum("ij,ij->i", vectors[gone], vectors[of[gone]]), value[gone], atol=1e-5)
    assert (value[gone] >= 0.92).all()
    kept = np.flatnonzero(of < 0)
    missed = 0
    for first in range(0, len(kept), 1000):
        near = vectors[kept[: first + 1000]] @ vectors[kept[first : first + 1000]].T >= 0.92
        missed += int(np.count_nonzero(np.triu(near, -first + 1).any(axis=0)))
    assert missed < 0.09 * len(gone)


def test_what_has_no_direction_is_like_nothing() -> None:
    of, _ = cosine.alike(np.zeros((3, 4), dtype=np.float32), 0.5, np.arange(3), np.zeros(3, dtype=np.int64), 0)
    assert of.tolist() == [-1, -1, -1]


def test_vectors_of_words_keep_the_cosine_of_weighed_words() -> None:
    texts = corpus(3)
    sets = [set(text.split()) for text in texts]
    names = sorted(set().union(*sets))
    rarity = {name: math.log((1 + len(texts)) / (1 + sum(name in one for one in sets))) + 1 for name in names}
    exact = unit(np.array([[rarity[name] * (name in one) for name in names] for one in sets], dtype=np.float32))
    with TextSets(1) as words:
        words.add(texts)
        found = bags(words)
    assert found.shape == (len(texts), 256)
    # A text without words counts as a word of its own.
    some = [row for row, one in enumerate(sets) if one]
    error = found[some] @ found[some].T - exact[some] @ exact[some].T
    assert np.abs(error.mean()) < 0.01
    assert error.std() < 0.08
