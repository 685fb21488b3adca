"""The coefficients against published examples, against scikit-learn and krippendorff, and at their edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from prefmill.curation.agreement.cohen import cohen_kappa, quadratic_kappa
from prefmill.curation.agreement.estimate import Estimate, Undefined
from prefmill.curation.agreement.fleiss import fleiss_kappa
from prefmill.curation.agreement.gwet import gwet_ac1
from prefmill.curation.agreement.krippendorff import Scale, krippendorff_alpha
from prefmill.curation.agreement.resampled import Bootstrap
from prefmill.curation.agreement.share import share, wilson

QUICK = Bootstrap(repeats=50)
NO = None
FOUR_RATERS = [
    (1, 1, NO, 1), (2, 2, 3, 2), (3, 3, 3, 3), (3, 3, 3, 3), (2, 2, 2, 2), (1, 2, 3, 4),
    (4, 4, 4, 4), (1, 1, 2, 1), (2, 2, 2, 2), (NO, 5, 5, 5), (NO, NO, 1, 1), (NO, NO, 3, NO),
]  # fmt: skip
"""Krippendorff (2011), example C; the same as `cac.raw4raters` of irrCAC."""
SIX_PSYCHIATRISTS = [
    (0, 0, 0, 6, 0), (0, 3, 0, 0, 3), (0, 1, 4, 0, 1), (0, 0, 0, 0, 6), (0, 3, 0, 3, 0),
    (2, 0, 4, 0, 0), (0, 0, 4, 0, 2), (2, 0, 3, 1, 0), (2, 0, 0, 4, 0), (0, 0, 0, 0, 6),
    (1, 0, 0, 5, 0), (1, 1, 0, 4, 0), (0, 3, 3, 0, 0), (1, 0, 0, 5, 0), (0, 2, 0, 3, 1),
]  # fmt: skip
"""Ratings by diagnosis: half of Fleiss' patients (1971), as in `distrib.6raters` of irrCAC."""
PSYCHIATRISTS = [[label for label, times in enumerate(row) for _ in range(times)] for row in SIX_PSYCHIATRISTS]
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
"""Two abstractors' labels of 100 pregnancies: Gwet (2014), `cont3x3abstractors` of irrCAC."""
PREGNANCIES = [(a, b) for a, row in enumerate(ABSTRACTORS) for b, times in enumerate(row) for _ in range(times)]


@pytest.mark.parametrize(
    ("estimate", "published"),
    [
        (lambda: krippendorff_alpha(FOUR_RATERS, bootstrap=QUICK), 0.74342),
        (lambda: krippendorff_alpha(FOUR_RATERS, scale="ordinal", bootstrap=QUICK), 0.815),
        (lambda: krippendorff_alpha(FOUR_RATERS, scale="interval", bootstrap=QUICK), 0.849),
        (lambda: gwet_ac1(FOUR_RATERS, bootstrap=QUICK), 0.77544),
        (lambda: gwet_ac1(PSYCHIATRISTS, bootstrap=QUICK), 0.4448007),
        (lambda: fleiss_kappa(PSYCHIATRISTS, bootstrap=QUICK), 0.4139265),
        (lambda: krippendorff_alpha(PSYCHIATRISTS, bootstrap=QUICK), 0.4204384),
        (lambda: gwet_ac1(PREGNANCIES, bootstrap=QUICK), 0.8493305),
        (lambda: krippendorff_alpha(PREGNANCIES, bootstrap=QUICK), 0.7972585),
        (lambda: cohen_kappa(*zip(*PREGNANCIES, strict=True), bootstrap=QUICK), 0.7964094),
    ],
)
def test_published_examples(estimate: Callable[[], Estimate], published: float) -> None:
    found = estimate()
    assert round(found.value, len(str(published)) - 2) == published
    assert found.low < found.value < found.high <= 1


def test_intervals_are_about_as_wide_as_the_published_standard_errors_say() -> None:
    """irrCAC gives +- 1.984 standard errors of 0.0589 for kappa and 0.0432 for AC1."""
    kappa = cohen_kappa(*zip(*PREGNANCIES, strict=True))
    ac1 = gwet_ac1(PREGNANCIES)
    assert (kappa.low, kappa.high) == pytest.approx((0.680, 0.913), abs=0.02)
    assert (ac1.low, ac1.high) == pytest.approx((0.764, 0.935), abs=0.02)
    assert (kappa.n, kappa.tasks) == (100, 100)


grades = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=30)


@settings(max_examples=60)
@given(grades)
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    if len({*first, *second}) == 1:
        with pytest.raises(Undefined, match="everybody always says the same"):
            cohen_kappa(first, second, bootstrap=QUICK)
        return
    assert cohen_kappa(first, second, bootstrap=QUICK).value == pytest.approx(
        cohen_kappa_score(first, second), abs=1e-9
    )
    weighted = cohen_kappa_score(first, second, labels=[1, 2, 3, 4, 5], weights="quadratic")
    assert quadratic_kappa(first, second, bootstrap=QUICK).value == pytest.approx(weighted, abs=1e-9)


units = st.lists(st.lists(st.none() | st.integers(1, 4), min_size=3, max_size=3), min_size=3, max_size=20)


@settings(max_examples=60)
@given(units, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_is_krippendorffs(rated: list[list[int | None]], scale: Scale) -> None:
    paired = [[label for label in unit if label is not None] for unit in rated]
    known = {label for unit in paired if len(unit) > 1 for label in unit}
    if len(known) < 2 or sum(len(unit) > 1 for unit in paired) < 2:
        with pytest.raises(Undefined):
            krippendorff_alpha(rated, scale=scale, bootstrap=QUICK)
        return
    table = np.array([[np.nan if label is None else label for label in unit] for unit in rated]).T
    expected = krippendorff.alpha(table, level_of_measurement=scale)
    assert krippendorff_alpha(rated, scale=scale, bootstrap=QUICK).value == pytest.approx(expected, abs=1e-9)


def test_labels_in_words_have_the_order_that_is_named() -> None:
    words = {1: "second", 2: "tie", 3: "first"}
    numbers = [(1, 1), (2, 3), (3, 3), (1, 2), (1, 3)]
    said = [[words[label] for label in unit] for unit in numbers]
    order = ["second", "tie", "first"]
    by_word = krippendorff_alpha(said, scale="ordinal", order=order, bootstrap=QUICK)
    assert by_word == krippendorff_alpha(numbers, scale="ordinal", bootstrap=QUICK)
    with pytest.raises(ValueError, match="label 'first' has no place in the order"):
        krippendorff_alpha(said, scale="ordinal", order=order[:2])
    with pytest.raises(ValueError, match=r"label 'second' .* expected numbers"):
        krippendorff_alpha(said, scale="interval")


def test_distance_of_grades_is_that_of_their_values() -> None:
    """A grade that nobody gives changes nothing, though scikit-learn numbers the ones that it sees."""
    first, second = [1, 2, 10, 10, 1], [2, 1, 10, 1, 1]
    expected = cohen_kappa_score(first, second, labels=list(range(1, 11)), weights="quadratic")
    assert quadratic_kappa(first, second, bootstrap=QUICK).value == pytest.approx(expected, abs=1e-9)


def test_a_label_nobody_gave_counts_for_ac1_alone_when_it_is_named() -> None:
    pairs = [("first", "first"), ("first", "second"), ("second", "second"), ("first", "first")]
    two = gwet_ac1(pairs, bootstrap=QUICK).value
    three = gwet_ac1(pairs, labels=["first", "second", "tie"], bootstrap=QUICK).value
    assert three > two
    with pytest.raises(ValueError, match="'second'"):
        gwet_ac1(pairs, labels=["first", "tie"])


def test_rows_of_one_task_widen_the_interval_and_leave_the_value() -> None:
    pairs = PREGNANCIES[::10] * 10
    first, second = zip(*pairs, strict=True)
    tasks = [str(place % 10) for place in range(100)]
    alone, together = cohen_kappa(first, second), cohen_kappa(first, second, tasks)
    assert together.value == alone.value
    assert together.tasks == 10
    assert together.width > 2 * alone.width
    hits = [a == b for a, b in pairs]
    assert share(hits, tasks).width > 2 * share(hits).width


def test_intervals_repeat_and_follow_their_seed_and_level() -> None:
    first, second = zip(*PREGNANCIES, strict=True)
    once, again = cohen_kappa(first, second), cohen_kappa(first, second)
    assert once == again
    assert cohen_kappa(first, second, bootstrap=Bootstrap(seed=1)).low != once.low
    assert cohen_kappa(first, second, bootstrap=Bootstrap(level=0.8)).width < once.width
    assert once.method == "Cohen's kappa, 95% bootstrap over tasks (2000 resamples, seed 0)"


@pytest.mark.parametrize("tasks", [4, 40])
def test_agreement_everywhere_is_not_certainty(tasks: int) -> None:
    """No resample disagrees either: the bound comes from Wilson's for 0 of so many tasks."""
    labels = ["first", "second"] * (tasks // 2)
    estimate = cohen_kappa(labels, labels)
    assert (estimate.value, estimate.high) == (1, 1)
    assert estimate.low == pytest.approx(1 - 2 * wilson(0, tasks)[1])
    assert share([True] * tasks).low == pytest.approx(wilson(1, tasks)[0])


def test_wilson_is_statsmodels() -> None:
    """10 of 100 as statsmodels' `proportion_confint` has it; 81 of 263 as Newcombe (1998): 0.2553..0.3662."""
    assert wilson(0.1, 100) == pytest.approx((0.0552291370606751, 0.1743657167182484))
    assert [round(bound, 4) for bound in wilson(81 / 263, 263)] == [0.2553, 0.3662]
    assert share([True] * 81 + [False] * 182).as_plain() == {
        "value": 81 / 263,
        "low": wilson(81 / 263, 263)[0],
        "high": wilson(81 / 263, 263)[1],
        "n": 263,
        "tasks": 263,
        "method": "share, 95% Wilson over tasks",
    }


UNDEFINED: Sequence[tuple[Callable[[], Estimate], str]] = [
    (lambda: cohen_kappa([], []), "no rows"),
    (lambda: cohen_kappa("ab", "ba", ["t", "t"]), "one task"),
    (lambda: share([]), "no rows"),
    (lambda: share([True, False], ["t", "t"]), "one task"),
    (lambda: krippendorff_alpha([(1, None), (None, 2)]), "no unit has two ratings"),
    (lambda: krippendorff_alpha([(None, None)]), "no rows"),
    (lambda: krippendorff_alpha([(1, 1), (1, 1)]), "everybody always says the same"),
    (lambda: fleiss_kappa(FOUR_RATERS), r"as many ratings of every unit \(got 1 to 4\)"),
    (lambda: fleiss_kappa([(1,), (2,)]), "no unit has two ratings"),
    (lambda: gwet_ac1([(1, 1), (1, 1)]), "one label only"),
]


@pytest.mark.parametrize(("estimate", "why"), UNDEFINED)
def test_what_is_not_determined_is_said(estimate: Callable[[], Estimate], why: str) -> None:
    with pytest.raises(Undefined, match=why):
        estimate()


def test_rows_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels of one rater, but 1"):
        cohen_kappa("ab", "a")
    with pytest.raises(ValueError, match="2 rows, but 1 tasks"):
        cohen_kappa("ab", "ab", ["t"])
    with pytest.raises(ValueError, match="2 units, but 1 tasks"):
        gwet_ac1([(1, 2), (1, 1)], ["t"])
    with pytest.raises(ValueError, match="level"):
        share([True, False], level=95)
