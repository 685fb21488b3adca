"""Ratings and criteria: asked for, taken back into the comparison's order, and measured against what is planted."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefmill.cli import main
from prefmill.pipelines.relabel import relabel
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviewing.status import status
from prefmill.pipelines.reviewing.store import Handed
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import SourceError
from prefmill.schemas.rows import Comparison, Review

from .people import choice, handed, label, mostly_right, planned, right, rows, settle

ASKED = {"ratings": [1, 5], "criteria": ["helpful", "honest"]}
OTHER = {"first": "second", "second": "first"}


def _besides(directory: Path, seed: int, same: float) -> Callable[[Handed], dict[str, Any]]:
    """The better answer is rated 4, the other 3, each shifted by one in half of the cases; `helpful` is the better one
    with probability `same`, `honest` a tie."""
    winners, draw = right(directory), random.Random(seed)

    def besides(row: Handed) -> dict[str, Any]:
        winner = winners[row.comparison_id]
        rated = [4 if answer == winner else 3 for answer in ("first", "second")]
        shown = [rated[index] + draw.choice((0, 0, 1, -1)) for index in row.shown]
        helpful = winner if draw.random() < same else OTHER[winner]
        return {"ratings": shown, "criteria": {"helpful": choice(helpful, row.shown), "honest": "tie"}}

    return besides


def test_ratings_and_criteria_come_back_and_are_measured(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settle(directory, double=1, gold=0, **ASKED)
    plan(directory, sizes={"audit": 200, "disagreement": 0, "slices": 0})
    push(directory, ["ann", "bob"])
    files = [
        label(directory, name, mostly_right(directory, 1, 0), besides=_besides(directory, seed, 0.9))
        for seed, name in enumerate(["ann", "bob"])
    ]
    told = pull(directory, files).relabelled.manifest["review"]
    ratings, helpful, honest = told["ratings"], told["criteria"]["helpful"], told["criteria"]["honest"]
    assert (ratings["scale"], ratings["answers"], ratings["alpha"]["n"], ratings["gap"]["n"]) == ([1, 5], 400, 400, 400)
    # A gap of 1 with two shifts of variance 1/2 each.
    assert abs(ratings["gap"]["value"] - 1) < 3 / 400**0.5
    assert ratings["gap"]["low"] < 1 < ratings["gap"]["high"]
    # Interval alpha: the share of the variance that is the answers' own, 0.25 of 0.25 + 0.5; 0.047 is its standard
    # error for 400 answers.
    assert abs(ratings["alpha"]["value"] - 1 / 3) < 3 * 0.047
    assert ratings["alpha"]["low"] < 1 / 3 < ratings["alpha"]["high"]
    expected = 0.9**2 + 0.1**2
    assert abs(helpful["agreement"]["value"] - expected) < 3 * (expected * (1 - expected) / 200) ** 0.5
    assert abs(helpful["with_choice"]["value"] - 0.9) < 3 * (0.9 * 0.1 / 400) ** 0.5
    assert (helpful["said"], honest["said"], honest["agreement"]["value"]) == (400, 400, 1)
    assert "no rows" in honest["with_choice"]["undefined"]
    with pytest.raises(SystemExit):
        main(["review", "status", str(directory)])
    said = capsys.readouterr().out
    gap, alpha = ratings["gap"]["value"], ratings["alpha"]["value"]
    assert f"ratings of 400 answers: the better one's is higher by {gap:.2f} [" in said
    assert f"of two people for one answer: alpha {alpha:.2f} [" in said
    assert f"helpful: two people agree on {helpful['agreement']['value']:.1%} [" in said
    assert re.search(
        r"^honest: two people agree on 100\.0% \[.*\]; better by it is better overall in \(no rows", said, re.M
    )


def test_what_is_asked_and_not_answered_is_said(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settle(directory, **ASKED)
    plan(directory)
    push(directory, ["ann"])
    told = pull(directory, [label(directory, "ann", lambda row: "A")]).relabelled.manifest["review"]
    assert told["ratings"]["answers"] == 0
    assert "undefined" in told["ratings"]["alpha"]
    assert told["criteria"]["helpful"]["said"] == 0
    with pytest.raises(SystemExit):
        main(["review", "status", str(directory)])
    said = capsys.readouterr().out
    assert "ratings of 0 answers: the better one's is higher by (no rows to measure); of two people for one" in said
    assert "helpful: two people agree on (no rows to measure); better by it is better overall in (no rows" in said
    settle(directory)
    assert (status(directory)["ratings"], status(directory)["criteria"]) == (None, {})


def test_what_is_said_of_a_and_b_is_of_the_comparison_s_answers(directory: Path) -> None:
    settle(directory, **ASKED)
    plan(directory)
    push(directory, ["ann"])

    def besides(row: Handed) -> dict[str, Any]:
        # The first answer of every comparison is rated 5 and is the helpful one, wherever it is shown.
        return {
            "ratings": [5 if index == 0 else None for index in row.shown],
            "criteria": {"helpful": choice("first", row.shown), "honest": None},
        }

    path = label(directory, "ann", lambda row: None, besides=besides)
    pull(directory, [path])
    assert {row.shown for row in handed(directory).values()} == {(0, 1), (1, 0)}
    found = [one for some in collected(RunDirectory(directory)).values() for one in some]
    assert len(found) == sum(row.stratum != "gold" for row in planned(directory))
    assert {one.ratings for one in found} == {(5.0, None)}
    assert all(one.criteria == {"helpful": "first", "honest": None} for one in found)
    before = (directory / "reviews.jsonl").read_bytes()
    assert pull(directory, [path]).relabelled.reviews == 0
    assert (directory / "reviews.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ratings": [6, 1]}, "ratings: from 1 to 5, as the recipe's `review: ratings` says (got 6)."),
        ({"ratings": [None, 0]}, "ratings: from 1 to 5"),
        (
            {"criteria": {"helpfull": "A"}},
            "criteria.helpfull: not in the recipe's `review: criteria`. Known: helpful, honest. Did you mean",
        ),
    ],
)
def test_what_was_not_asked_for_stops_a_pull(directory: Path, fields: dict[str, Any], message: str) -> None:
    settle(directory, **ASKED)
    plan(directory)
    push(directory, ["ann"])
    path = label(directory, "ann", lambda row: "A", first=3)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], json.dumps({**json.loads(lines[2]), **fields})]))
    with pytest.raises(SourceError, match=r"^[^\n]*$") as caught:
        pull(directory, [path])
    assert str(caught.value).startswith(f"{path}:3: ")
    assert message in str(caught.value)
    assert not (directory / "reviews.jsonl").exists()


def test_a_file_of_reviews_may_carry_them(directory: Path) -> None:
    pair = rows(directory, Comparison)[0]
    path = directory.parent / "own.jsonl"
    line = {"comparison_id": pair.id, "annotator": "ann", "winner": "first", "ratings": [4.5, 2], "criteria": {}}
    path.write_text(json.dumps(line))
    with pytest.raises(SourceError, match=r"own\.jsonl:1: ratings: none are asked for \(got 4\.5\)\."):
        relabel(directory, path)
    settle(directory, **ASKED)
    assert relabel(directory, path).reviews == 1
    (review,) = collected(RunDirectory(directory))[pair.id]
    plain = Review(comparison_id=pair.id, task_id=pair.task_id, annotator="ann", winner="first", stratum="picked")
    assert review == plain.model_copy(update={"ratings": (4.5, 2.0)})
    assert review.id != plain.id
    path.write_text(json.dumps({**line, "criteria": {"kind": "first"}}))
    with pytest.raises(SourceError, match=r"own\.jsonl:1: criteria\.kind: not in the recipe's"):
        relabel(directory, path)
