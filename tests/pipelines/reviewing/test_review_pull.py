"""Labels come back: mapped to the comparison's order, labelled anew, once; and what is not of the plan is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviewing.status import status
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import SourceError

from .people import choice, handed, label, planned, right


def snapshot(directory: Path) -> dict[str, bytes]:
    """All that follows from reviews, apart from the list of what the last pull changed."""
    kept = ("reviews.jsonl", "manifest.json", "review/gold.jsonl", "review/pulled.jsonl", "calibration.json")
    files = [directory / name for name in kept] + sorted((directory / "export").rglob("*.jsonl"))
    return {str(path): path.read_bytes() for path in files if path.exists()}


def test_labels_become_reviews_in_the_comparisons_order(directory: Path) -> None:
    plan(directory)
    push(directory, ["ann", "bob"])
    winners = right(directory)
    files = [
        label(directory, name, lambda row: choice(winners[row.comparison_id], row.shown), seconds=17)
        for name in ("ann", "bob")
    ]
    done = pull(directory, files)
    strata = {row.comparison_id: row.stratum for row in planned(directory)}
    people = collected(RunDirectory(directory))
    assert set(people) == {name for name, stratum in strata.items() if stratum != "gold"}
    for name, some in people.items():
        for review in some:
            assert (review.winner, review.stratum, review.seconds) == (winners[name], strata[name], 17)
    labels = {one.comparison_id: one for part in range(RunDirectory(directory).parts())
              for one in RunDirectory(directory).labels(part)}  # fmt: skip
    assert all(labels[name].winner == winners[name] and "people" in labels[name].flags for name in people)
    assert done.heard == {"ann": len(files[0].read_text().splitlines()), "bob": len(files[1].read_text().splitlines())}
    assert (done.left_out, done.gold) == ({}, sum(stratum == "gold" for stratum in strata.values()))
    assert done.relabelled.reviews == sum(map(len, people.values()))
    manifest = RunDirectory(directory).manifest()
    assert manifest["labels"]["by_people"] == len(people)
    assert manifest["review"] == status(directory) == done.relabelled.manifest["review"]
    before = snapshot(directory)
    again = pull(directory, files)
    assert (again.relabelled.reviews, again.gold, again.relabelled.changes) == (0, 0, {})
    assert snapshot(directory) == before


def test_half_a_file_and_a_label_that_is_edited_later(directory: Path) -> None:
    plan(directory)
    push(directory, ["ann"])
    path = label(directory, "ann", lambda row: "A", first=20)
    done = pull(directory, [path])
    assert done.heard == {"ann": 20}
    told = status(directory)
    assert (told["annotators"]["ann"]["done"], sum(one["done"] for one in told["strata"].values())) == (20, 20)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    own, strata = handed(directory), {row.comparison_id: row.stratum for row in planned(directory)}
    edited = next(line for line in lines if strata[own[line["record_id"]].comparison_id] != "gold")
    row = own[edited["record_id"]]
    later = {**edited, "choice": None, "comment": "not my field", "at": 2.0}
    # The later file comes first, as a shell may sort it.
    newer = path.with_name("people-ann (1).jsonl")
    newer.write_text(json.dumps(later) + "\n")
    done = pull(directory, [newer, path])
    assert (done.relabelled.reviews, done.left_out) == (1, {"decided again later": 1})
    (review,) = collected(RunDirectory(directory))[row.comparison_id]
    assert (review.winner, review.comment) == (None, "not my field")


def test_what_is_not_of_the_plan_is_counted(directory: Path) -> None:
    plan(directory)
    push(directory, ["ann", "bob"])
    own = handed(directory)
    mine = next(name for name, row in own.items() if row.annotator == "ann")
    theirs = next(name for name, row in own.items() if row.annotator == "bob")
    lines = [
        {"record_id": mine, "annotator": "ann", "choice": "A"},
        {"record_id": theirs, "annotator": "ann", "choice": "A"},
        {"record_id": "0" * 16, "annotator": "ann", "choice": "A"},
        {"record_id": mine, "annotator": "eve", "choice": "B"},
    ]
    path = directory.parent / "mixed.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = pull(directory, [path])
    assert done.heard == {"ann": 1}
    assert done.left_out == {"another annotator's record": 1, "not handed out": 1, "unknown annotator": 1}
    before = snapshot(directory)
    path.write_text(json.dumps(lines[3]) + "\n")
    with pytest.raises(SourceError, match=r"mixed\.jsonl: no label of this run's plan \(unknown annotator 1\)\.$"):
        pull(directory, [path])
    path.write_text(json.dumps(lines[0] | {"choice": "B"}) + "\nno\n")
    with pytest.raises(SourceError, match=r"mixed\.jsonl:2: not JSON"):
        pull(directory, [path])
    assert snapshot(directory) == before


def test_a_page_of_another_order_is_not_taken_for_this_one(directory: Path) -> None:
    """With another seed an annotator may see a pair the other way round; labels of the old page are then none."""
    plan(directory, sizes={"audit": 100})
    push(directory, ["ann"])
    old = {row.comparison_id: row for row in handed(directory).values()}
    path = label(directory, "ann", lambda row: choice("first", row.shown))
    recipe = directory / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "review: {seed: 77}\n")
    plan(directory, sizes={"audit": 100}, again=True)
    (directory / "review" / "handed.jsonl").unlink()
    push(directory, ["ann"])
    new = {row.comparison_id: row for row in handed(directory).values()}
    turned = sum(old[name].shown != new[name].shown for name in old.keys() & new.keys())
    assert turned > 10
    done = pull(directory, [path])
    assert done.left_out["not handed out"] >= turned
    strata = {row.comparison_id: row.stratum for row in planned(directory)}
    people = collected(RunDirectory(directory))
    assert people
    assert all(review.winner == "first" and strata[name] != "gold" for name, some in people.items() for review in some)
