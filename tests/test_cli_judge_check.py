"""`prefmill judge-check` at the command line: what it prints and writes, killing it, and what it cannot measure."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from prefmill.cli import main
from prefmill.generators.world.server import running
from prefmill.generators.world.settings import WorldSettings
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.templates import write_template
from prefmill.schemas.formats.preference import Preference

from .judge_server import EXPECTED, GOLD, MODEL, judging, vote

PEOPLE = ("arena_user_1", "arena_user_2")

VALUES = {
    "agreement": "agreement",
    "agreement without ties": "agreement_without_ties",
    "Cohen's kappa": "kappa",
    "macro precision": "precision",
    "macro recall": "recall",
    "macro F1": "f1",
    "agreement, other order": "agreement_other_order",
    "agreement, orders averaged": "agreement_averaged",
    "consistency": "consistency",
    "prefer first": "prefer_first",
    "prefer second": "prefer_second",
    "delta bias": "delta_bias",
    "unreadable (of replies)": "unreadable",
}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with seven votes."""
    (tmp_path / "votes.jsonl").write_text("".join(vote(number, winner) for number, winner in GOLD.items()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prefmill(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["judge-check", *arguments])
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


def at(url: str, *more: str) -> tuple[str, ...]:
    return ("votes.jsonl", "--from", "arena", "--model", MODEL, "--base-url", url, *more)


def test_a_table_of_all_numbers_and_the_same_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with judging() as (url, heard):
        code, told, complaint = prefmill(capsys, *at(url))
        assert (code, complaint) == (0, "")
        again, said, _ = prefmill(capsys, *at(url, "--json"))
        assert (again, len(heard)) == (0, 14)
    report = json.loads(said)
    (written,) = folder.glob("runs/judge-check-me-my-judge-votes-*/judge-check.json")
    assert report == json.loads(written.read_text())
    assert report["calls"] == {"sent": 0, "found": 14, "cost_usd": None}
    rows = [re.split(r" {2,}", line.strip()) for line in told.splitlines()]
    cells = {row[0]: row[1:] for row in rows if row[0] in VALUES}
    (block,) = report["blocks"]
    for shown, name in VALUES.items():
        value, pairs = EXPECTED[name]
        found = {**block["measures"], **block["orders"], "unreadable": block["unreadable"]}[name]
        assert (found["value"], found["n"]) == (pytest.approx(value), pairs)
        interval = f"{found['low']:.3f} to {found['high']:.3f}"
        assert cells[shown] == [f"{value:.3f}", interval, str(pairs), str(min(pairs, 7))]
    assert f"\n{MODEL}, without a reference, against people's labels: 7 pairs\n" in told
    assert "failed: unreadable 2\n" in told
    assert "pairs without a verdict in the file's order, so in no number but `unreadable`: 1\n" in told
    assert told.startswith("votes.jsonl: 7 of people's labels (agreement is correctness)\n")
    assert told.endswith(f"wrote {written.relative_to(folder)}\n")


def test_what_is_left_out_and_what_is_undefined_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = vote(3, "first") + vote(3, "second", "arena_user_2")
    (folder / "votes.jsonl").write_text(vote(1, "first") + vote(2, "first") + split + vote(4, "nobody"))
    with judging() as (url, _):
        code, told, _ = prefmill(capsys, *at(url))
    assert code == 0
    assert "not asked about: no_majority 1\n" in told
    assert "not asked about: malformed 1\n" in told
    assert re.search(r"Cohen's kappa +undefined +Cohen's kappa is not defined: everybody always says the same", told)


def test_a_cap_ends_it_with_3_and_says_how_to_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with judging() as (url, heard):
        code, told, complaint = prefmill(capsys, *at(url, "--max-calls", "6", "--run-dir", "check"))
        assert (code, told, len(heard)) == (3, "", 6)
        assert "6 calls are kept in check; the same command with --max-calls 12 goes on from there" in complaint
        code, _, complaint = prefmill(capsys, *at(url, "--max-calls", "14", "--run-dir", "check"))
        assert (code, complaint, len(heard), len(set(heard))) == (0, "", 14, 14)


WRONG = [
    (("votes.jsonl", "--from", "areena"), "no format named 'areena'. Known: *. Did you mean 'arena'?"),
    (
        ("votes.jsonl", "--from", "flow_judge"),
        "--from flow_judge: holds graded answers, and a judge is checked on comparisons.",
    ),
    (("nowhere.jsonl", "--from", "arena"), "*nowhere.jsonl: no such file or folder."),
    (("empty.jsonl", "--from", "arena"), "*empty.jsonl: holds no rows"),
    (("split.jsonl", "--from", "arena"), "*split.jsonl: no pair with a label in 2 rows (no_majority 2)."),
    (("malformed.jsonl", "--from", "judgelm"), "*malformed.jsonl: no pair with a label in 2 rows (malformed 2)."),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG, ids=lambda value: " ".join(value)[:40])
def test_a_set_that_cannot_be_measured_is_one_line_and_asks_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    (folder / "empty.jsonl").write_text("")
    split = [vote(number, *said) for number in (1, 2) for said in zip(("first", "second"), PEOPLE, strict=True)]
    (folder / "split.jsonl").write_text("".join(split))
    (folder / "malformed.jsonl").write_text('{"question_id": 1}\n{"question_id": 2}\n')
    with judging() as (url, heard):
        code, told, complaint = prefmill(capsys, *arguments, "--model", MODEL, "--base-url", url)
    assert (code, told, heard) == (2, "", [])
    assert re.fullmatch(re.escape(expected).replace(r"\*", ".*") + "\n", complaint), complaint
    assert not (folder / "runs").exists()


def test_an_endpoint_that_is_not_there_is_told_within_seconds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    code, told, complaint = prefmill(capsys, *at("http://127.0.0.1:1/v1"))
    assert time.monotonic() - started < 10
    assert (code, told, complaint.count("\n")) == (2, "", 1)
    assert "http://127.0.0.1:1/v1: cannot connect" in complaint
    with judging() as (url, heard):
        code, _, complaint = prefmill(
            capsys, "votes.jsonl", "--from", "arena", "--model", "other", "--base-url", url, "--run-dir", "check"
        )
    assert (code, heard) == (2, [])
    assert "no model named 'other'" in complaint


@pytest.mark.slow
def test_killed_and_started_again_it_asks_for_the_rest_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_template("quickstart", folder / "r.yaml")
    run(read_recipe(folder / "r.yaml", 20), folder / "milled")
    pairs = sum(
        (folder / "milled/export/preference" / name).read_text().count("\n")
        for name in Preference.files
        if (folder / "milled/export/preference" / name).is_file()
    )
    in_flight = 4
    with running(WorldSettings(latency=0.1, latency_sigma=0)) as world:

        def stats() -> int:
            with urllib.request.urlopen(f"{world.base_url.removesuffix('/v1')}/stats") as reply:
                counted: dict[str, Any] = json.load(reply)
            return int(counted["requests"])

        asked = ["milled/export/preference", "--from", "preference", "--model", "sim-teacher-strong"]
        asked += ["--base-url", world.base_url, "--max-in-flight", str(in_flight), "--json"]
        command = [sys.executable, "-m", "prefmill", "judge-check", *asked]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while stats() < pairs and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        before = stats()
        assert pairs <= before < 2 * pairs
        _, said, _ = prefmill(capsys, *asked)
        report = json.loads(said)
        assert report["labels"] == {"verdict": pairs}
        assert report["calls"]["found"] >= before - in_flight
        assert report["calls"]["sent"] + report["calls"]["found"] == 2 * pairs
        assert stats() <= 2 * pairs + in_flight
        _, said, _ = prefmill(capsys, *asked)
        assert json.loads(said)["calls"]["sent"] == 0
        assert json.loads(said)["blocks"] == report["blocks"]
