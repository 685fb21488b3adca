"""What a review measures, against people and teachers whose accuracy is planted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from prefmill.curation.agreement.estimate import Estimate
from prefmill.pipelines.publishing.measured import measured
from prefmill.pipelines.publishing.seen import Seen
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.precision import half_width, more_labels
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviewing.status import status

from .people import TASKS, choice, handed, label, mostly_right, planned, raw, right, settle, truth

PAIRS = 3 * TASKS
ACCURACY = 0.9


def accuracy(directory: Path) -> float:
    """How often the teachers are right, over all labels."""
    winners, theirs = truth(directory), raw(directory)
    return sum(theirs[name] == winner for name, winner in winners.items()) / len(winners)


def test_two_people_who_err_by_a_known_share_and_the_teachers_accuracy(directory: Path) -> None:
    settle(directory, double=1)
    plan(directory, sizes={"audit": 200, "disagreement": 0, "slices": 0})
    push(directory, ["ann", "bob"])
    files = [
        label(directory, name, mostly_right(directory, ACCURACY, seed)) for seed, name in enumerate(["ann", "bob"])
    ]
    told = pull(directory, files).relabelled.manifest["review"]
    people = told["people"]["audit"]["agreement"]
    expected = ACCURACY**2 + (1 - ACCURACY) ** 2
    assert people["n"] == 200
    assert abs(people["value"] - expected) < 3 * (expected * (1 - expected) / 200) ** 0.5
    assert people["low"] < expected < people["high"]
    # Of two sides equally often: kappa is twice what is above one half.
    assert told["people"]["audit"]["kappa"]["value"] == pytest.approx(2 * people["value"] - 1, abs=0.05)
    # Where both say the same they are right in 81 of 82 cases.
    teachers = told["teachers"]
    assert teachers["low"] < accuracy(directory) < teachers["high"]
    assert teachers["n"] == 200 - told["audit"]["undecided"]
    assert told["audit"] == {"population": PAIRS, "drawn": 200, "read": 200, "undecided": told["audit"]["undecided"]}
    assert told["audit"]["undecided"] == round(200 * (1 - people["value"]))
    width = (teachers["high"] - teachers["low"]) / 2
    assert width == pytest.approx(half_width(teachers["n"], PAIRS, teachers["value"]), rel=0.35)


def test_one_person_who_errs_is_agreed_with_as_often_as_is_planted(directory: Path) -> None:
    settle(directory, double=0)
    plan(directory, sizes={"audit": 200})
    push(directory, ["ann"])
    told = pull(directory, [label(directory, "ann", mostly_right(directory, ACCURACY, 5))]).relabelled.manifest[
        "review"
    ]
    winners, theirs = truth(directory), raw(directory)
    wrong = sum(theirs[name] not in (winner, "tie") for name, winner in winners.items()) / PAIRS
    expected = ACCURACY * accuracy(directory) + (1 - ACCURACY) * wrong
    assert told["teachers"]["n"] == 200
    assert abs(told["teachers"]["value"] - expected) < 3 * (expected * (1 - expected) / 200) ** 0.5
    assert told["teachers"]["low"] < expected < told["teachers"]["high"]
    assert "undefined" in told["people"]["all"]["agreement"]
    assert told["more"] > 0
    rows = dict(measured(Seen(), {"review": told}))
    (said,) = (value for name, value in rows.items() if name.startswith("teachers agree with people"))
    assert said.startswith(f"{told['teachers']['value']:.2f} [")


def test_without_an_audit_nothing_is_said_of_the_teachers(directory: Path) -> None:
    plan(directory, sizes={"audit": 0, "disagreement": 60})
    push(directory, ["ann"])
    path = label(directory, "ann", mostly_right(directory, 1, 0))
    told = pull(directory, [path]).relabelled.manifest["review"]
    assert told["strata"]["disagreement"]["done"] >= 60
    assert told["teachers"]["undefined"].startswith("cannot read an error rate off 0 rows picked by their doubt")
    assert told["more"] is None


def test_half_an_audit_is_read_as_a_smaller_one(directory: Path) -> None:
    settle(directory, double=0, gold=0)
    plan(directory, sizes={"audit": 200, "disagreement": 0, "slices": 0})
    push(directory, ["ann"])
    assert "200 of 200 rows of the sample are not checked yet" in status(directory)["teachers"]["undefined"]
    says = mostly_right(directory, 1, 0)
    told = pull(directory, [label(directory, "ann", says, first=90)]).relabelled.manifest["review"]
    assert (told["teachers"]["n"], told["audit"]["read"]) == (90, 90)
    assert "the first 90 of 200 drawn of 390 at random" in told["teachers"]["method"]
    assert told["teachers"]["low"] < accuracy(directory) < told["teachers"]["high"]
    # One open record in front, and what was drawn after it says nothing.
    first = next(row for row in planned(directory) if row.stratum == "audit").comparison_id
    kept = directory / "reviews.jsonl"
    kept.write_text("".join(line for line in kept.read_text().splitlines(keepends=True) if first not in line))
    assert "not checked yet" in status(directory)["teachers"]["undefined"]


def test_what_annotators_are_like(directory: Path) -> None:
    settle(directory, gold=0.1)
    plan(directory)
    push(directory, ["ann", "bob"])
    winners, gold = right(directory), {row.comparison_id for row in planned(directory) if row.stratum == "gold"}
    draw = random.Random(3)
    files = [
        label(directory, "ann", lambda row: choice(winners[row.comparison_id], row.shown), seconds=41.26),
        label(directory, "bob", lambda row: None if row.comparison_id not in gold and draw.random() < 0.2 else "A"),
    ]
    told = pull(directory, files).relabelled.manifest["review"]["annotators"]
    ann, bob = told["ann"], told["bob"]
    assert ann["seconds"] == 41.3
    assert ann["gold"] == {"checked": ann["by_stratum"]["gold"], "wrong": 0, "cannot_judge": 0}
    assert ann["first"]["low"] < 0.5 < ann["first"]["high"]
    assert bob["first"]["low"] > 0.9
    theirs = [row for row in handed(directory).values() if row.annotator == "bob" and row.comparison_id in gold]
    wrong = sum(choice(winners[row.comparison_id], row.shown) == "B" for row in theirs)
    assert bob["gold"] == {"checked": len(theirs), "wrong": wrong, "cannot_judge": 0}
    assert 0 < wrong < len(theirs)
    assert 0.1 * bob["done"] < bob["cannot_judge"] < 0.3 * bob["done"]
    assert (ann["done"], bob["done"]) == (ann["handed"], bob["handed"])


def test_how_many_labels_more() -> None:
    def estimate(value: float, n: int, population: int, wider: float = 1) -> Estimate:
        reach = wider * half_width(n, population, value)
        return Estimate(value, value - reach, value + reach, n, n, "")

    more = more_labels(estimate(0.8, 200, 10**6), 10**6, 0.03)
    assert half_width(200 + more, 10**6, 0.8) <= 0.03 < half_width(199 + more, 10**6, 0.8)
    # 1.96² · 0.8 · 0.2 / 0.03² = 683
    assert 200 + more == pytest.approx(683, abs=8)
    assert more_labels(estimate(0.8, 200, 10**6, wider=1.2), 10**6, 0.03) == pytest.approx(1.44 * 683 - 200, abs=12)
    assert more_labels(estimate(0.8, 800, 10**6), 10**6, 0.03) == 0
    assert more_labels(estimate(0.8, 200, 250), 250, 0.03) < 50
