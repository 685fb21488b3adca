"""A review on an Argilla server that is named at the push: remembered, taken up again, and said what went wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from prefmill.cli import main
from prefmill.curation.calibration import calibrate
from prefmill.curation.labelled import Labelled
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import EndpointError, RunDirectoryError, UserError

from ...curation.desks.little_argilla import KEY, LittleArgilla, serving
from .people import handed, planned, settle


@pytest.fixture(name="little")
def _little(monkeypatch: pytest.MonkeyPatch) -> Iterator[LittleArgilla]:
    monkeypatch.setenv("ARGILLA_API_KEY", KEY)
    with serving(LittleArgilla()) as little:
        yield little


def prefmill(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["review", *map(str, arguments)])
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


def test_the_server_that_a_push_names_is_used_from_then_on(
    directory: Path, little: LittleArgilla, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(directory, desk={"desk": "argilla", "url": "http://127.0.0.1:9", "retries": 0})
    plan(directory, sizes={"audit": 20, "disagreement": 0, "slices": 0})
    capsys.readouterr()
    code, said, complaint = prefmill(capsys, "push", directory, "--annotator", "ann", "--url", f"{little.url}/")
    assert (code, complaint) == (0, "")
    assert f"at {little.url}/dataset/" in said
    kept = json.loads((directory / "review" / "desk.json").read_text())
    assert kept == {
        "desk": "argilla",
        "url": little.url,
        "api_key_env": "ARGILLA_API_KEY",
        "workspace": "reviews",
        "timeout": 60.0,
        "retries": 0,
    }
    name = next(iter(handed(directory)))
    little.submit("people for ann", name, "tie", "u1")
    code, _, complaint = prefmill(capsys, "pull", directory, "--json")
    assert code == 0
    assert complaint == (
        f"{directory / 'review' / 'desk.json'}: desk argilla (url: {little.url}, workspace: reviews), as an earlier"
        " push named it; remove the file to use the recipe's\n"
    )
    assert push(directory).records == {"ann": len(handed(directory))}
    (directory / "review" / "desk.json").unlink()
    code, _, complaint = prefmill(capsys, "push", directory)
    assert (code, complaint) == (
        2,
        "http://127.0.0.1:9: no Argilla server answers there (ConnectionError).\n",
    )


def test_labels_stay_when_their_data_set_is_gone(directory: Path, little: LittleArgilla) -> None:
    plan(directory, sizes={"audit": 20, "disagreement": 0, "slices": 0})
    push(directory, ["ann", "bob"], url=little.url)
    by_name = {who: [name for name, row in handed(directory).items() if row.annotator == who] for who in ("ann", "bob")}
    strata = {row.comparison_id: row.stratum for row in planned(directory)}
    first, second = (
        next(name for name in by_name[who] if strata[handed(directory)[name].comparison_id] == "audit")
        for who in ("ann", "bob")
    )
    little.submit("people for ann", first, "tie", "u1")
    assert pull(directory).heard == {"ann": 1}
    del little.datasets["people for ann"]
    little.submit("people for bob", second, "A", "u2")
    done = pull(directory)
    assert done.heard == {"bob": 1}
    assert done.left_out == {f"no data set 'people for ann' at {little.url}, records": len(by_name["ann"])}
    reviews = [one for some in collected(RunDirectory(directory)).values() for one in some]
    assert sorted(one.annotator for one in reviews) == ["ann", "bob"]


def test_an_interrupted_push_goes_on_where_it_was(directory: Path, little: LittleArgilla) -> None:
    settle(directory, desk={"desk": "argilla", "url": little.url, "retries": 0})
    plan(directory)
    little.next_bulk = [200, 503]
    with pytest.raises(EndpointError, match=r"100 of \d+ records are there; the same command goes on\."):
        push(directory, ["ann"], workspace="reviews")
    assert push(directory).records == {"ann": len(handed(directory))}
    assert set(little.datasets["people for ann"]["records"]) == set(handed(directory))


def test_records_that_cannot_be_shown_are_named(
    directory: Path, little: LittleArgilla, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(directory, sizes={"audit": 40, "disagreement": 0, "slices": 0})
    push(directory, ["ann"])
    own = list(handed(directory))
    little.bad = dict.fromkeys(own[:12], (422, "too\nodd"))
    code, said, complaint = prefmill(capsys, "push", directory, "--url", little.url)
    assert (code, "next: prefmill review pull" in said) == (0, True)
    lines = complaint.splitlines()
    assert lines[0] == "12 records cannot be shown there; all others are:"
    assert (len(lines), lines[-1]) == (12, "  and 2 more: --json has all")
    assert all(re.fullmatch(r"  [0-9a-f]{16}: too odd", line) for line in lines[1:-1])
    code, said, _ = prefmill(capsys, "push", directory, "--json")
    assert json.loads(said)["refused"] == dict.fromkeys(own[:12], "too odd")
    assert set(little.datasets["people for ann"]["records"]) == set(own[12:])


def test_what_records_are_found_by_tells_nothing_of_models_and_strata(directory: Path, little: LittleArgilla) -> None:
    plan(directory)
    push(directory, ["ann"], url=little.url)
    records = little.datasets["people for ann"]["records"]
    assert {tuple(one["metadata"]) for one in records.values()} == {
        ("category", "question_words", "user_turns", "answers_words")
    }
    own = next(iter(records.values()))
    texts = [own["fields"]["a"], own["fields"]["b"]]
    assert own["metadata"]["answers_words"] == sum(len(text.split()) for text in texts)
    assert own["metadata"]["question_words"] == len(own["fields"]["chat"][0]["content"].split())
    assert {len(one["vectors"]["question"]) for one in records.values()} == {256}
    assert not any("suggestions" in one for one in records.values())


def test_how_sure_the_teachers_are_is_shown_of_gold_pairs_too(directory: Path, little: LittleArgilla) -> None:
    settle(directory, blind=False, gold=0.2)
    margins = np.tile([1.0, 2.0, 3.0, 4.0], 100)
    right = (np.arange(400) % 10 < 2 * margins).astype(float)
    rows = Labelled(("margin",), margins[:, None], right, np.arange(400))
    RunDirectory(directory).save_calibration(calibrate(rows))
    plan(directory, sizes={"audit": 20, "disagreement": 0, "slices": 0})
    push(directory, ["ann"], url=little.url)
    strata = {row.comparison_id: row.stratum for row in planned(directory)}
    scores: dict[str, set[bool]] = {}
    for name, record in little.datasets["people for ann"]["records"].items():
        (suggested,) = record["suggestions"]
        scores.setdefault(strata[handed(directory)[name].comparison_id], set()).add(
            suggested["value"] == "tie" or 0 < (suggested["score"] or 0) < 1
        )
    assert scores == {"audit": {True}, "gold": {True}}


def test_what_cannot_be_named_or_read(directory: Path, little: LittleArgilla) -> None:
    plan(directory)
    with pytest.raises(UserError, match=r"--url: an address such as http://127\.0\.0\.1:6900 \(got 'argilla'\)"):
        push(directory, ["ann"], url="argilla")
    with pytest.raises(UserError, match=r"no workspace 'elsewhere'\. Known: reviews\."):
        push(directory, ["ann"], url=little.url, workspace="elsewhere")
    assert not (directory / "review" / "desk.json").exists()
    for text, message in (
        ("{", "no desk's entry"),
        ('{"desk": "argilla", "key": "x"}', "Extra inputs are not permitted"),
    ):
        (directory / "review" / "desk.json").write_text(text)
        with pytest.raises(
            RunDirectoryError, match=rf"desk\.json: {message}\. Without this file the recipe's desk is used"
        ):
            push(directory, ["ann"])
