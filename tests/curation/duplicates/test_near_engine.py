"""Near duplicates against all pairs: every one is found, nothing else is, whatever the order of the texts."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.curation.duplicates import prefixes
from prefmill.curation.duplicates.near import Duplicates, clusters, near_duplicates
from prefmill.curation.duplicates.prefixes import FEWEST_FOLLOWING, FIRST
from prefmill.curation.duplicates.sets import TextSets

from .little_corpus import alike, corpus

SHORT = st.lists(st.text("ab 日é", max_size=12), max_size=12)


def found(
    texts: list[str], threshold: float, ngram: int = 3, order: list[int] | None = None, groups: list[int] | None = None
) -> Duplicates:
    with TextSets(ngram) as sets:
        sets.add(texts)
        return near_duplicates(
            sets, threshold,
            None if order is None else np.array(order), None if groups is None else np.array(groups),
        )  # fmt: skip


def expected(
    texts: list[str], threshold: float, ngram: int, order: list[int], groups: list[int]
) -> tuple[list[int], list[int]]:
    """What each text duplicates, and each one's cluster, by the definition."""
    pairs = {pair: at for pair, at in alike(texts, threshold, ngram).items() if groups[pair[0]] == groups[pair[1]]}
    pairs |= {pair[::-1]: likeness for pair, likeness in pairs.items()}
    of, cluster = [-1] * len(texts), list(range(len(texts)))
    for text in sorted(range(len(texts)), key=lambda text: order[text]):
        kept = [
            (-pairs[other, text], order[other], other)
            for other in range(len(texts))
            if (other, text) in pairs and order[other] < order[text] and of[other] < 0
        ]
        of[text] = min(kept)[2] if kept else -1
        same = [other for other in range(len(texts)) if order[other] < order[text] and pairs.get((other, text)) == 1]
        if same:
            first = min(same, key=lambda other: order[other])
            of[text] = of[first] if of[first] >= 0 else first
    while apart := [pair for pair in pairs if cluster[pair[0]] != cluster[pair[1]]]:
        for one, other in apart:
            cluster[one] = cluster[other] = min(cluster[one], cluster[other])
    numbers = {first: number for number, first in enumerate(dict.fromkeys(cluster))}
    return of, [numbers[first] for first in cluster]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_all_pairs_say_the_same(seed: int, threshold: float) -> None:
    texts = corpus(seed)
    draw = random.Random(seed)
    order = draw.sample(range(len(texts)), len(texts))
    groups = [draw.randrange(2) for _ in texts]
    same = [0] * len(texts)
    plain = list(range(len(texts)))
    for by_order, by_group in ((plain, same), (order, same), (order, groups)):
        duplicates = found(texts, threshold, 3, by_order, by_group)
        of, cluster = expected(texts, threshold, 3, by_order, by_group)
        assert duplicates.of.tolist() == of
        assert duplicates.clusters.tolist() == cluster
        assert duplicates.skipped == 0
        pairs = alike(texts, threshold)
        for text in np.flatnonzero(duplicates.of >= 0).tolist():
            assert duplicates.likeness[text] == pairs[min(text, of[text]), max(text, of[text])]
        assert np.isnan(duplicates.likeness[duplicates.of < 0]).all()
    assert found(texts, threshold, 3, plain, same).of.tolist() == found(texts, threshold).of.tolist()


@given(SHORT, st.sampled_from([0.25, 0.5, 0.6, 0.7, 0.75, 1.0]), st.integers(1, 4))
def test_short_texts_with_few_letters(texts: list[str], threshold: float, ngram: int) -> None:
    of, cluster = expected(texts, threshold, ngram, list(range(len(texts))), [0] * len(texts))
    duplicates = found(texts, threshold, ngram)
    assert duplicates.of.tolist() == of
    assert duplicates.clusters.tolist() == cluster
    assert clusters(iter(texts), threshold, ngram)[0].tolist() == cluster


def test_a_chain_is_one_cluster_and_loses_every_other_link() -> None:
    """Each text is alike to its neighbours only: none is dropped for being like one that is itself dropped."""
    text = [f"w{number}" for number in range(30)]
    chain = [" ".join(text[step : step + 20]) for step in range(0, 9, 3)]
    duplicates = found(chain, 0.7)
    assert duplicates.of.tolist() == [-1, 0, -1]
    assert duplicates.clusters.tolist() == [0, 0, 0]


def test_a_thousand_texts_of_one_template_do_not_take_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are alike by what all of them share: the first is compared with all, and what was left out is told."""
    monkeypatch.setattr(prefixes, "MOST_PAIRS", 0)
    frame = " ".join(f"w{number}" for number in range(40))
    texts = [f"{frame} x{number}" for number in range(1000)]
    duplicates = found(texts, 0.7)
    assert (duplicates.clusters == 0).all()
    assert duplicates.of.tolist() == [-1] + [0] * 999
    assert duplicates.skipped > 0
    assert duplicates.compared <= 1000 * (FEWEST_FOLLOWING + FIRST)


def test_of_a_few_thousand_texts_of_one_template_every_pair_is_looked_at() -> None:
    """Phrases in six slots: few texts are near duplicates of each other, and all share their rarest n-grams."""
    draw = random.Random(1)
    phrases = [[" ".join(f"s{slot}p{p}w{word}" for word in range(6)) for p in range(5)] for slot in range(6)]
    texts = list({
        " ".join(f"t{slot} u{slot} {draw.choice(phrases[slot])}" for slot in range(6)) for _ in range(1200)
    })  # fmt: skip
    texts.sort()
    duplicates = found(texts, 0.7)
    assert duplicates.skipped == 0
    _, cluster = expected(texts, 0.7, 3, list(range(len(texts))), [0] * len(texts))
    assert duplicates.clusters.tolist() == cluster


def test_groups_do_not_hide_each_other() -> None:
    """The same text in more groups than a text is compared with others; each has its own near duplicate."""
    text = " ".join(f"w{number}" for number in range(40))
    groups = list(range(3 * FEWEST_FOLLOWING))
    duplicates = found([text] * len(groups) + [f"{text} more"] * len(groups), 0.7, 3, None, groups * 2)
    assert duplicates.of.tolist() == [-1] * len(groups) + groups
    assert duplicates.skipped == 0


def test_copies_without_end_cost_nothing() -> None:
    duplicates = found(["the same old text again"] * 5000 + ["another text that stays here"], 0.7)
    assert duplicates.of.tolist() == [-1, *[0] * 4999, -1]
    assert (duplicates.likeness[1:-1] == 1).all()
    assert duplicates.compared == 0


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_a_threshold_that_is_none(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        found(["a"], threshold)


@pytest.mark.parametrize("texts", [[], ["one"], ["", ""]])
def test_hardly_any_texts(texts: list[str]) -> None:
    assert found(texts, 0.7).of.tolist() == [-1, 0][: len(texts)]
    assert clusters(texts)[0].tolist() == [0, 0][: len(texts)]
