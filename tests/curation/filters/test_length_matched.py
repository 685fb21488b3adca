"""Pairs among which the longer answer wins no more often than it should."""

from __future__ import annotations

import random

import pytest

from prefmill.curation.balance.lengths import Bin, pooled, ratio_of, stay
from prefmill.curation.filters.length_matched import LengthMatched
from prefmill.schemas.rows import Example
from tests.curation.judged_pairs import judged_pair


def longer_wins(rows: list[Example]) -> float:
    won = [
        (len((row.answers[0].text or "").split()) > len((row.answers[1].text or "").split()))
        == (row.verdict is not None and row.verdict.winner == "first")
        for row in rows
    ]
    return sum(won) / len(won)


def planted(count: int, seed: int = 0) -> list[Example]:
    """The longer answer wins the more often the longer it is, and more often between `a` and `b`."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        models = draw.choice([("a", "b"), ("a", "c"), ("b", "c")])
        words = (draw.randint(20, 80), draw.randint(20, 80))
        ratio = max(words) / min(words)
        longer = draw.random() < min(0.85, 0.5 + 0.15 * (ratio - 1) + 0.1 * (models == ("a", "b")))
        margin = 2 if longer == (words[0] > words[1]) else -2
        rows.append(judged_pair(number, (margin, margin), models=models, texts=("w " * words[0], "w " * words[1])))
    return [row for row in rows if row.answers[0].text != row.answers[1].text]


def test_the_longer_answer_wins_half_of_what_is_left_in_every_slice() -> None:
    rows = planted(4000)
    chosen = LengthMatched().choose(lambda: rows)
    left = [row for row in rows if LengthMatched.key(row) not in chosen.dropped]
    assert longer_wins(rows) > 0.6
    assert longer_wins(left) == pytest.approx(0.5, abs=0.005)
    for models in {row.comparison.models for row in rows if row.comparison}:
        assert longer_wins([row for row in left if row.comparison and row.comparison.models == models]) == (
            pytest.approx(0.5, abs=0.02)
        )
    told = chosen.told
    assert told["longer_wins"] == {"before": round(longer_wins(rows), 4), "after": round(longer_wins(left), 4),
                                   "wanted": 0.5}  # fmt: skip
    assert (told["pairs"], told["kept"], told["short"]) == (len(rows), len(left), [])
    assert len(left) > 0.6 * len(rows)


def test_another_rate_and_the_same_choice_for_the_same_rows() -> None:
    rows = planted(2000)
    chosen = LengthMatched(rate=0.6).choose(lambda: rows)
    left = [row for row in rows if LengthMatched.key(row) not in chosen.dropped]
    assert longer_wins(left) == pytest.approx(0.6, abs=0.01)
    assert LengthMatched(rate=0.6).choose(lambda: rows[::-1]).dropped == chosen.dropped


def test_ties_and_equal_lengths_are_left_alone() -> None:
    rows = [
        judged_pair(0, (0, 0), texts=("a b c", "a")),
        judged_pair(1, (2, 2), texts=("a b", "c d")),
        *(judged_pair(number, (2, 2), texts=("a b c", "a")) for number in range(2, 12)),
    ]
    chosen = LengthMatched().choose(lambda: rows)
    assert chosen.dropped.keys() <= {LengthMatched.key(row) for row in rows[2:]}
    # All are won by the longer one: what stays is said to lack as many of the other kind.
    assert chosen.told["kept"] == 2
    (short,) = chosen.told["short"]
    assert short == {
        "models": "other pairs of models",
        "ratios": "3 or more",
        "longer_won": 2,
        "shorter_won": 0,
        "too_few": 2,
    }


@pytest.mark.parametrize(
    ("longer", "shorter", "rate", "least", "expected"),
    [
        (70, 30, 0.5, 0.0, (30, 30)),
        (30, 70, 0.5, 0.0, (30, 30)),
        (70, 30, 0.6, 0.0, (45, 30)),
        (90, 10, 0.5, 0.5, (40, 10)),
        (10, 0, 0.5, 0.0, (0, 0)),
        (10, 0, 0.5, 0.25, (3, 0)),
        (90, 10, 0.5, 0.55, (45, 10)),
        (10, 90, 0.5, 0.55, (10, 45)),
        (50, 50, 0.5, 0.9, (50, 50)),
        (20, 30, 0.5, 1.0, (20, 30)),
    ],
)
def test_how_many_stay(longer: int, shorter: int, rate: float, least: float, expected: tuple[int, int]) -> None:
    assert stay(longer, shorter, rate, least) == expected


def test_bins() -> None:
    assert [ratio_of(log) for log in (0.01, -0.01, 0.2, -0.3, 0.5, 1.0, 2.0)] == [0, 0, 1, 2, 3, 4, 5]
    assert [Bin("a and b", ratio).ratios for ratio in (0, 1, 5)] == ["1-1.1", "1.1-1.25", "3 or more"]
    few, many = Bin("a and b", 1), Bin("a and c", 1)
    assert pooled([few, many, many], 2) == {few: Bin("other pairs of models", 1), many: many}
