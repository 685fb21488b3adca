"""The verbs that show what a run was: stats, report, diff."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prefmill.cli import main

from .pipelines.report.handmade import handmade


def _said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    return said.out


def test_stats_tell_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = handmade(tmp_path)
    said = _said(capsys, "stats", directory)
    for told in (
        "What sways the teachers",
        "How fast replies came",
        "labels: 3 of 4 kept; winners: first 2, second 1, tie 1",
        "62.5%",
        "prefix cache of strong: 75.0% of 400 tokens",
        "flagged by minimum_margin: 1 of kind task",
    ):
        assert told in said
    found = json.loads(_said(capsys, "stats", directory, "--json"))
    assert found["stages"]["tasks"]["in"] == 4, "what the manifest says stands there as before"
    assert found["usage"]["span_s"] == 5


def test_diff_tells_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = handmade(tmp_path / "one")
    shutil.copytree(directory, tmp_path / "two")
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    manifest["stages"]["tasks"]["in"] = 9
    (tmp_path / "two" / "manifest.json").write_text(json.dumps(manifest))
    said = _said(capsys, "diff", directory, tmp_path / "two")
    assert "recipe: the same" in said
    assert "Stages that differ" in said
    assert "labels: 4 in A, 4 in B; 4 in both, 4 the same" in said
    assert json.loads(_said(capsys, "diff", directory, tmp_path / "two", "--json"))["labels"]["same"] == 4


@pytest.mark.parametrize("arguments", [("report", "nowhere"), ("stats", "nowhere"), ("diff", "nowhere", "nowhere")])
def test_what_is_not_there_is_told_on_one_line(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("nowhere: no ")
    assert said.count("\n") == 1


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    """In an interpreter of its own that does not find altair."""
    directory = handmade(tmp_path)
    code = f"""import sys
sys.modules["altair"] = None
from prefmill.cli import main
main(["report", {str(directory)!r}])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "the report needs altair: pip install 'prefmill[report]'\n"


@pytest.mark.slow
def test_report_writes_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = handmade(tmp_path)
    assert _said(capsys, "report", directory).startswith(f"wrote {directory / 'report.html'} (")
    told = json.loads(_said(capsys, "report", directory, "-o", tmp_path / "deep" / "page.html", "--json"))
    assert told["bytes"] == (tmp_path / "deep" / "page.html").stat().st_size
    with pytest.raises(SystemExit) as ended:
        main(["report", str(directory), "-o", str(tmp_path)])
    assert ended.value.code == 2
    assert f"{tmp_path}: is a folder" in capsys.readouterr().err
