"""CONTRIBUTING.md's judge, recipe and commands, executed as they stand on the page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
(TRANSCRIPT,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LEFT_OUT = "…"


def commands() -> list[tuple[list[str], list[list[str]]]]:
    """The page's commands, each with its output as runs of lines between those that are left out."""
    found: list[tuple[list[str], list[list[str]]]] = []
    for line in TRANSCRIPT.splitlines():
        if line.startswith("$ "):
            found.append((shlex.split(line.removeprefix("$ ")), [[]]))
        elif line == LEFT_OUT:
            found[-1][1].append([])
        else:
            found[-1][1][-1].append(line.rstrip())
    return found


def without(lines: list[str]) -> list[str]:
    """Lines without the blank ones, which depend on how tables are set."""
    return [line.rstrip() for line in lines if line.strip()]


def test_the_page_has_a_judge_a_recipe_and_commands() -> None:
    assert list(FILES) == ["generators/judges/verdict_letter.py", "letters.yaml"]
    assert [command[:2] for command, _ in commands()] == [
        ["prefmill", "new"], ["prefmill", "show"], ["prefmill", "check"], ["prefmill", "run"],
    ]  # fmt: skip


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    checkout, work = tmp_path / "checkout", tmp_path / "work"
    for folder in ("src", "schemas", "generators", "curation", "pipelines"):
        shutil.copytree(ROOT / folder, checkout / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    work.mkdir()
    judge, recipe = FILES
    (checkout / judge).write_text(FILES[judge], encoding="utf-8")
    (work / recipe).write_text(FILES[recipe], encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    for (_, *arguments), output in commands():
        done = subprocess.run(
            [sys.executable, "-m", "prefmill", *arguments],
            cwd=work, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = without(done.stdout.splitlines())
        for lines in map(without, output):
            places = [place for place in range(len(said)) if said[place : place + len(lines)] == lines]
            assert places, f"{shlex.join(arguments)}: not said: {lines}\nbut: {said}"
            said = said[places[0] + len(lines) :]
