"""Vectors of questions: alike ones are near each other, and they are the same everywhere."""

from __future__ import annotations

import random

import numpy as np

from prefmill.curation.duplicates.bags import bags_of

DIMENSIONS = 256

TEXTS = (
    "How do I sort a list in Python?",
    "How can I sort a list of numbers in python",
    "What is the capital of France?",
    "",
    "?!",
)
PLACES, NUMBERS = [27, 138], [-0.452074, -0.891981]
"""Of the first of the texts `one two` and `two three`: in every version and on every machine."""


def test_alike_questions_are_near_each_other() -> None:
    found = bags_of(TEXTS)
    assert found.shape == (5, DIMENSIONS)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    near = found @ found.T
    assert near[0, 1] > 0.4
    assert max(near[0, 2], near[1, 2]) < 0.3
    assert abs(near[3:, :3]).max() < 0.3


def test_inner_products_of_hashed_vectors_are_right_on_average() -> None:
    # Weinberger et al. 2009, lemma 2: unbiased, with a standard deviation of about 1/sqrt(dimensions).
    draw = random.Random(5)
    texts = [" ".join(f"w{draw.randrange(10**9)}" for _ in range(50)) for _ in range(60)]
    found = bags_of(texts)
    apart = (found @ found.T)[np.triu_indices(60, 1)]
    assert abs(apart.mean()) < 4 * DIMENSIONS**-0.5 / len(apart) ** 0.5
    assert 0.8 < apart.std() * DIMENSIONS**0.5 < 1.2


def test_a_word_that_all_texts_hold_counts_for_less() -> None:
    found = bags_of(["the cat", "the dog", "the cow", "a cat"])
    near = found @ found.T
    assert near[0, 3] > near[0, 1]


def test_the_same_everywhere() -> None:
    row = bags_of(["one two", "two three"])[0]
    assert np.flatnonzero(row).tolist() == PLACES
    assert np.allclose(row[PLACES], NUMBERS, atol=1e-6)
    assert np.array_equal(bags_of(["ONE, two!", "two three"])[0], row)
    assert bags_of([]).shape == (0, DIMENSIONS)
