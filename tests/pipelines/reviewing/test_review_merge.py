"""Several people's reviews become one label: by majority or by Dawid and Skene, the same one wherever it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefmill.cli import main
from prefmill.pipelines.relabel import relabel
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviewing.status import status
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Verdict

from .people import TASKS, label, mostly_right, raw, settle, truth

PAIRS = 3 * TASKS


def labels(directory: Path) -> dict[str, Verdict]:
    place = RunDirectory(directory)
    return {one.comparison_id: one for part in range(place.parts()) for one in place.labels(part)}


def reviewed(directory: Path, people: dict[str, float], pairs: int) -> list[Path]:
    """The files of people of known error, two of whom see each of so many pairs."""
    plan(directory, sizes={"audit": pairs, "disagreement": 0, "slices": 0})
    push(directory, list(people))
    return [label(directory, name, mostly_right(directory, p, seed)) for seed, (name, p) in enumerate(people.items())]


def test_two_people_of_known_error_and_the_labels_that_they_make(directory: Path) -> None:
    """Where both say the same it is the label, and right as often as two such people are together."""
    settle(directory, double=1, gold=0)
    told = pull(directory, reviewed(directory, {"ann": 0.95, "bob": 0.85}, 200)).relabelled.manifest["review"]
    assert told["strata"]["audit"] == {"pairs": 200, "wanted": 400, "handed": 400, "done": 400}
    people, found = collected(RunDirectory(directory)), labels(directory)
    winners, teachers = truth(directory), raw(directory)
    agreed = {name for name, some in people.items() if len({one.winner for one in some}) == 1}
    assert {name for name, one in found.items() if "people" in one.flags} == agreed
    assert all(found[name].winner == people[name][0].winner for name in agreed)
    assert all(found[name].winner == teachers[name] for name in found.keys() - agreed)
    expected = 0.95 * 0.85 + 0.05 * 0.15
    agreement = told["people"]["audit"]["agreement"]
    assert agreement["value"] == len(agreed) / 200
    assert abs(agreement["value"] - expected) < 3 * (expected * (1 - expected) / 200) ** 0.5
    assert agreement["low"] < expected < agreement["high"]
    right = sum(found[name].winner == winners[name] for name in agreed) / len(agreed)
    together = 0.95 * 0.85 / expected
    assert abs(right - together) < 3 * (together * (1 - together) / len(agreed)) ** 0.5
    accuracy = sum(teachers[name] == winner for name, winner in winners.items()) / PAIRS
    assert told["teachers"]["low"] < accuracy < told["teachers"]["high"]
    assert told["merge"] == {"by": "majority", "why": "", "right": {}}


@pytest.mark.slow
def test_a_worse_annotator_weighs_less_wherever_labels_are_used(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = {"ann": 0.95, "bob": 0.6, "cid": 0.9}
    settle(directory, double=1, gold=0)
    files = reviewed(directory, planted, PAIRS)
    before = pull(directory, files).relabelled.manifest["review"]
    plain, winners = labels(directory), truth(directory)
    assert before["audit"]["undecided"] > 0.25 * PAIRS
    settle(directory, double=1, gold=0, merge="dawid_skene")
    manifest = relabel(directory, None).manifest
    told, weighed = manifest["review"], labels(directory)
    assert told == status(directory)
    assert told["merge"]["by"] == "dawid_skene"
    for name, share in planted.items():
        assert told["merge"]["right"][name] == pytest.approx(share, abs=3 * 0.045)
    assert told["audit"]["undecided"] < 0.02 * PAIRS
    by_people = [name for name, one in weighed.items() if "people" in one.flags]
    assert manifest["labels"]["by_people"] == len(by_people) == PAIRS - told["audit"]["undecided"]
    right = [
        sum("people" in one.flags and one.winner == winners[name] for name, one in found.items())
        for found in (plain, weighed)
    ]
    # 0.65 and 0.93 of the pairs are expected.
    assert right[0] < 0.72 * PAIRS
    assert right[1] > 0.88 * PAIRS
    # Labels, agreement and calibration speak of the same winners.
    teachers = raw(directory)
    same = sum(teachers[name] == weighed[name].winner for name in by_people)
    assert told["teachers"]["value"] == pytest.approx(same / len(by_people))
    assert manifest["agreement"]["verdicts"]["agreement"]["value"] == pytest.approx(same / len(by_people))
    with pytest.raises(SystemExit):
        main(["review", "status", str(directory)])
    assert "labels by dawid_skene, after which people are right in: ann 9" in capsys.readouterr().out
    written = _files(directory)
    assert pull(directory, files).relabelled.changes == {}
    assert _files(directory) == written


def test_without_three_people_the_majority_decides_and_it_is_said(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(directory, double=1, merge="dawid_skene")
    told = pull(directory, reviewed(directory, {"ann": 0.9, "bob": 0.9}, 40)).relabelled.manifest["review"]
    assert told["merge"]["by"] == "majority"
    with pytest.raises(SystemExit):
        main(["review", "status", str(directory)])
    assert "labels by majority: no three people of whom each two have decided 20 " in capsys.readouterr().out


def _files(directory: Path) -> dict[str, Any]:
    kept = [directory / "reviews.jsonl", directory / "manifest.json", *sorted((directory / "export").rglob("*.jsonl"))]
    found: dict[str, Any] = {str(path): path.read_text() for path in kept}
    manifest = json.loads(found[str(directory / "manifest.json")])
    return {**found, str(directory / "manifest.json"): manifest}
