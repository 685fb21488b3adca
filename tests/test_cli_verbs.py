"""The verbs at the command line, doing what they should, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prefmill.cli import main
from prefmill.pipelines.overview import plugin_kinds
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.templates import templates, write_template


def prefmill(folder: Path, *arguments: str) -> str:
    """Stdout of the command, which must succeed and say nothing on stderr but progress."""
    done = subprocess.run(
        [sys.executable, "-m", "prefmill", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def as_json(folder: Path, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(prefmill(folder, *arguments, "--json"))


def test_the_version(tmp_path: Path) -> None:
    assert prefmill(tmp_path, "--version").startswith("prefmill ")


def test_every_verb_has_help_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list of verbs shows one line for each; a text that is too long is cut off there."""
    listed = prefmill(tmp_path, "--help").partition("Commands:\n")[2].splitlines()
    verbs = [line.split()[0] for line in listed if line.strip()]
    assert {"new", "check", "run", "stats", "show", "export", "list"} <= set(verbs)
    assert not [line for line in listed if line.endswith("...")]
    for verb in verbs:
        with pytest.raises(SystemExit) as ended:
            main([verb, "--help"])
        assert ended.value.code == 0
        assert "Usage: " in capsys.readouterr().out


def test_a_new_recipe_is_a_good_one(tmp_path: Path) -> None:
    said = prefmill(tmp_path, "new")
    assert said == "wrote recipe.yaml\nwrote tasks.jsonl\nnext: prefmill check recipe.yaml\n"
    planned = as_json(tmp_path, "check", "recipe.yaml")
    assert (planned["tasks"], planned["lost"]) == (50, 0)
    assert [(call["stage"], call["calls"]) for call in planned["calls"]] == [
        ("answers", 50), ("answers", 50), ("answers", 50), ("judgments", 200),
    ]  # fmt: skip
    assert as_json(tmp_path, "check", "recipe.yaml", "--limit", "3")["tasks"] == 3


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("deep/down/mine.yaml", "mine"),
        ("my recipe.yaml", "my-recipe"),
        ("12.yaml", "12"),
        ("no.yaml", "no"),
        ("ü.yaml", "quickstart"),
    ],
)
def test_a_new_recipe_is_called_like_its_file(tmp_path: Path, file: str, name: str) -> None:
    assert write_template("quickstart", tmp_path / file)[0] == tmp_path / file
    assert read_recipe(tmp_path / file).name == name


def test_tasks_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text("mine\n")
    assert prefmill(tmp_path, "new", "a.yaml") == "wrote a.yaml\nnext: prefmill check a.yaml\n"
    assert (tmp_path / "tasks.jsonl").read_text() == "mine\n"


def test_the_next_command_can_be_pasted(tmp_path: Path) -> None:
    assert prefmill(tmp_path, "new", "my recipe.yaml").endswith("next: prefmill check 'my recipe.yaml'\n")


def test_lists_name_everything_that_is_there(tmp_path: Path) -> None:
    listed = as_json(tmp_path, "list")
    assert listed == {**plugin_kinds(), "templates": templates()}
    assert as_json(tmp_path, "list", "judge") == {"judge": listed["judge"]}
    assert "judgelm" in prefmill(tmp_path, "list", "judge")


def test_a_plugin_is_shown_with_its_fields(tmp_path: Path) -> None:
    said = prefmill(tmp_path, "show", "filter", "minimum_margin")
    assert said.startswith("filter minimum_margin: ")
    assert "Least |margin|" in said


@pytest.mark.slow
def test_from_new_to_export(tmp_path: Path) -> None:
    prefmill(tmp_path, "new", "r.yaml")
    manifest = as_json(tmp_path, "run", "r.yaml", "--limit", "3")
    assert manifest["finished"]
    assert manifest["stages"]["tasks"] == {"in": 3, "kept": 3, "dropped": {}, "failed": {}}
    assert as_json(tmp_path, "stats", "runs/r")["stages"] == manifest["stages"]
    assert "judgments" in prefmill(tmp_path, "stats", "runs/r")
    shown = json.loads(prefmill(tmp_path, "show", "runs/r", "write-01"))
    (task,) = shown["rows"]
    assert (task["row"], task["source_id"]) == ("Task", "write-01")
    assert {call["task_id"] for call in shown["calls"]} == {task["id"]}
    assert json.loads(prefmill(tmp_path, "show", "runs/r", task["id"])) == shown
    files = {path: path.read_bytes() for path in (tmp_path / "runs/r/export").rglob("*.jsonl")}
    assert files
    kept = manifest["stages"]["export preference"]
    assert as_json(tmp_path, "export", "runs/r", "--format", "preference") == {"export preference": kept}
    prefmill(tmp_path, "export", "runs/r")
    assert {path: path.read_bytes() for path in (tmp_path / "runs/r/export").rglob("*.jsonl")} == files
