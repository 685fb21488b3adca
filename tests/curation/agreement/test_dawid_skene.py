"""Dawid and Skene's model on the data of their paper, and on votes whose truth is known."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from prefmill.curation.agreement.dawid_skene import Vote, dawid_skene
from prefmill.curation.agreement.estimate import Undefined

ANAESTHETISTS = """
111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3|222 2 2 2 3|232 2 2 2 3
444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|111 1 1 1 1|111 1 1 1 1|222 2 2 2 1|222 1 3 2 2
222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|111 1 1 1 1|111 1 1 1 1|232 2 2 2 2|111 1 1 1 1|111 1 1 1 1|112 1 1 2 1
111 1 1 1 1|333 3 2 3 3|111 1 1 1 1|222 2 2 2 2|222 3 2 3 2|433 4 3 4 3|221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1
111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1|222 2 2 2 2
"""
"""Table 1 of the paper: 45 patients; the first observer rates three times, four others once each."""
PAPER = [
    Vote(str(patient), str(observer), label)
    for patient, row in enumerate(ANAESTHETISTS.replace("\n", "|").strip("|").split("|"))
    for observer, labels in enumerate(row.split())
    for label in labels
]


def test_the_papers_data_by_the_papers_equations() -> None:
    """Equations 2.3 to 2.5, written out as loops."""
    items, workers = sorted({vote.item for vote in PAPER}), sorted({vote.worker for vote in PAPER})
    labels = ("1", "2", "3", "4")
    cells = product(items, workers, labels)
    times = {cell: PAPER.count(Vote(*cell)) for cell in cells}
    posterior = {
        item: [sum(times[item, worker, label] for worker in workers) / 7 for label in labels] for item in items
    }
    for _ in range(60):
        prior = [sum(posterior[item][true] for item in items) / len(items) for true in range(4)]
        says = {
            (worker, true, label): sum(posterior[item][true] * times[item, worker, label] for item in items)
            for worker in workers
            for true in range(4)
            for label in labels
        }
        for worker in workers:
            for true in range(4):
                total = sum(says[worker, true, label] for label in labels)
                for label in labels:
                    says[worker, true, label] /= total
        for item in items:
            chances = [
                prior[true]
                * math.prod(
                    says[worker, true, label] ** times[item, worker, label] for worker in workers for label in labels
                )
                for true in range(4)
            ]
            posterior[item] = [chance / sum(chances) for chance in chances]
    found = dawid_skene(PAPER, rounds=60, tolerance=0)
    assert (found.labels, found.rounds, found.converged) == (labels, 60, False)
    for item in items:
        assert found.posterior[item] == pytest.approx(posterior[item], abs=1e-9)
    assert dawid_skene(PAPER).converged
    assert {found.label(str(patient)) for patient in (0, 12, 16, 17)} == {"1"}
    assert found.label("10") == "4"
    assert found.confusion["0"][0][0] > 0.85


def test_the_reliable_few_outvote_the_unreliable_many() -> None:
    draw = random.Random(3)
    truth = {f"item-{k}": draw.choice("ab") for k in range(400)}
    chances = {"careful-1": 0.95, "careful-2": 0.95, "careless-1": 0.55, "careless-2": 0.55, "careless-3": 0.55}
    votes = [
        Vote(item, worker, label if draw.random() < chance else "ab"["ab".index(label) - 1])
        for item, label in truth.items()
        for worker, chance in chances.items()
    ]
    found = dawid_skene(votes, smoothing=0.01)
    majority = {
        item: max("ab", key=[vote.label for vote in votes if vote.item == item].count) for item in truth
    }  # fmt: skip
    right = [
        sum(labels[item] == truth[item] for item in truth) for labels in (majority, {i: found.label(i) for i in truth})
    ]
    assert right[1] > right[0] + 20
    for worker, chance in chances.items():
        assert found.confusion[worker][0][0] == pytest.approx(chance, abs=0.1)
    assert all(sum(shares) == pytest.approx(1) for shares in found.posterior.values())


def test_even_votes_have_no_likeliest_label_and_unmet_labels_no_confusion() -> None:
    even = [Vote("i", "one", "a"), Vote("i", "two", "b"), Vote("j", "one", "b"), Vote("j", "two", "a")]
    assert dawid_skene(even).label("i") is None
    apart = [Vote("i", w, "a") for w in "xyz"] + [Vote("j", w, "b") for w in "xy"]
    found = dawid_skene(apart)
    assert [found.label("i"), found.label("j")] == ["a", "b"]
    assert math.isnan(found.confusion["z"][1][0])
    assert not dawid_skene(PAPER, rounds=1).converged
    with pytest.raises(Undefined, match="no votes"):
        dawid_skene([])
