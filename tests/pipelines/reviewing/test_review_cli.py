"""`prefmill review` at the command line: what a person reads, and the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefmill.cli import main

from .people import choice, label, right, settle


def prefmill(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["review", *map(str, arguments)])
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:  # noqa: ANN401 - JSON
    code, said, complaint = prefmill(capsys, *arguments, "--json")
    assert (code, complaint) == (0, "")
    return json.loads(said)


def test_from_the_plan_to_the_figures(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settle(directory, double=0.5)
    code, said, _ = prefmill(capsys, "plan", directory, "--audit", 80, "--disagreement", 10, "--slices", 0)
    assert code == 0
    assert said.startswith("audit 80, disagreement 10, slices 0, gold 3: 138 labels in all, some 92 minutes at 40 s")
    assert "audit: 80 of 390 labels at random; if teachers and people agree on 80%, that is known to ±0.0" in said
    assert as_json(capsys, "plan", directory)["another"] is False
    prefmill(capsys, "plan", directory, "--audit", 80, "--disagreement", 10, "--slices", 0)
    out = directory / "review" / "desk"
    code, said, _ = prefmill(capsys, "push", directory, "--annotator", "ann", "--annotator", "bob")
    assert (code, f"wrote {out / 'bob.html'}\n" in said) == (0, True)
    winners = right(directory)
    files = [
        label(directory, name, lambda row: choice(winners[row.comparison_id], row.shown)) for name in ("ann", "bob")
    ]
    code, said, complaint = prefmill(capsys, "pull", directory, *files)
    assert (code, complaint) == (0, "")
    assert "ann: 69 labels\nbob: 69 labels\n" in said
    code, told, _ = prefmill(capsys, "status", directory)
    assert (code, said.endswith(told)) == (0, True)
    figures = as_json(capsys, "status", directory)
    assert figures == json.loads((directory / "manifest.json").read_text())["review"]
    assert f"teachers agree with people on {figures['teachers']['value']:.1%} [" in told
    assert "two people agree on 100.0% [" in told
    assert f"{figures['more']:,} more audit labels bring the interval under ±0.03\n" in told
    assert f"--audit {80 + figures['more']} --again\n" in told
    again = as_json(capsys, "pull", directory, *files)
    assert (again["gold"], again["relabelled"]["reviews"], again["heard"]) == (0, 0, {"ann": 69, "bob": 69})
    code, said, _ = prefmill(capsys, "plan", directory)
    assert (code, "138 reviews rest on this plan: kept, though another would be drawn now" in said) == (0, True)


def test_a_person_s_mistakes_are_one_line(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (("push", directory), "no plan yet. `prefmill review plan"),
        (("status", directory), "no plan yet."),
        (("plan", directory / "none"), "no run here."),
    ):
        code, said, complaint = prefmill(capsys, *arguments)
        assert (code, said, complaint.count("\n")) == (2, "", 1)
        assert message in complaint
    prefmill(capsys, "plan", directory)
    prefmill(capsys, "push", directory)
    code, _, complaint = prefmill(capsys, "pull", directory)
    assert (code, complaint) == (
        2,
        "people: which files? Name those that the annotators downloaded from their pages.\n",
    )
