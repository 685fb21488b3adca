"""Which rubrics say the same: word for word, nearly, or in common words only."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.generators.authoring.dedupe import Known, Repetition
from prefmill.generators.sources._seed_rubrics import read_seed_rubrics
from prefmill.schemas.rubric import Level, Rubric

from .conftest import SEEDS

SHIPPED = read_seed_rubrics(SEEDS, 4)


def _changed(rubric: Rubric, old: str, new: str) -> Rubric:
    levels = tuple(Level(score=one.score, description=one.description.replace(old, new)) for one in rubric.levels)
    return Rubric(criteria=rubric.criteria.replace(old, new), levels=levels)


def _known(most_alike: float = 0.5) -> Known:
    known = Known(most_alike)
    for number, rubric in enumerate(SHIPPED, start=1):
        known.add(f"seed {number}", rubric)
    return known


def test_capitals_and_punctuation_make_no_new_rubric() -> None:
    shouted = Rubric(criteria=SHIPPED[2].criteria.upper() + "!", levels=SHIPPED[2].levels)
    assert _known().repeats(shouted) == Repetition("seed 3", 1.0, exact=True)


@pytest.mark.parametrize("seed", range(len(SHIPPED)))
def test_a_few_other_words_make_a_near_duplicate(seed: int) -> None:
    found = _known().repeats(_changed(_changed(SHIPPED[seed], "the", "each and every"), "is ", "seems "))
    assert found is not None
    assert (found.name, found.exact) == (f"seed {seed + 1}", False)
    assert 0.5 <= found.likeness < 1


def test_the_shipped_seeds_are_all_different() -> None:
    """Far from the threshold, so that a new rubric may lie anywhere between two of them."""
    assert len(SHIPPED) == 20
    for one, other in combinations(SHIPPED, 2):
        known = Known(0.25)
        known.add("one", one)
        assert known.repeats(other) is None


def test_the_threshold_decides() -> None:
    near = _changed(SHIPPED[0], "claims", "statements")
    assert _known(0.5).repeats(near) is not None
    assert _known(1.0).repeats(near) is None
    assert Known(0.5).repeats(near) is None


WORDS = st.lists(st.sampled_from([f"word{number}" for number in range(12)]), min_size=1, max_size=10)


@given(st.lists(WORDS, max_size=12), WORDS, st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_the_index_overlooks_nothing(earlier: list[list[str]], new: list[str], most_alike: float) -> None:
    """It finds what a comparison with every earlier rubric would find."""
    known = Known(most_alike)
    for number, words in enumerate(earlier):
        known.add(str(number), Rubric(criteria=" ".join([*words, "end"])))
    found = known.repeats(Rubric(criteria=" ".join([*new, "now"])))
    own = {"criterion", *new}
    shares = [len(own & {"criterion", *words}) / len(own | {"criterion", *words}) for words in earlier]
    best = max(shares, default=0.0)
    assert (found is not None) == (best >= most_alike)
    if found is not None:
        assert found == Repetition(str(shares.index(best)), best, exact=False)
