"""The recipes that are shipped: each is written with the files it reads, and is a good one as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefmill.cli import main
from prefmill.pipelines.overview import plan
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.templates import templates, write_template
from prefmill.schemas.errors import UserError
from prefmill.schemas.rows import Loss

BESIDE = {
    "feedback_collection": "seed_rubrics.jsonl",
    "preference_collection": "seed_rubrics.jsonl",
    "flow_judge": "rubric_tasks.jsonl",
    "human_preference": "votes.jsonl",
}


def test_the_recipes_of_the_published_data_sets_are_there() -> None:
    assert templates() == [
        "compare_two_models", "feedback_collection", "flow_judge", "human_preference", "judgelm_100k", "pandalm",
        "preference_collection", "quickstart", "ultrafeedback",
    ]  # fmt: skip


@pytest.mark.parametrize("name", templates())
def test_a_template_is_written_with_its_files_and_is_valid(tmp_path: Path, name: str) -> None:
    written = write_template(name, tmp_path / "deep" / "mine.yaml")
    assert [path.name for path in written] == ["mine.yaml", BESIDE.get(name, "tasks.jsonl")]
    assert sorted(tmp_path.rglob("*.*")) == sorted(written)
    recipe = read_recipe(written[0])
    assert recipe.name == "mine"
    assert recipe.simulated()
    assert recipe.exports
    assert not [line for line in recipe.tasks.sketch() if isinstance(line, Loss)]
    planned = plan(recipe)
    assert planned.tasks >= 12
    assert all(call.calls > 0 and call.provider == "simulated" for call in planned.calls)


@pytest.mark.parametrize("name", templates())
def test_new_takes_the_name_of_a_template(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside `prefmill new FILE`, which writes the quickstart, and `prefmill new FILE --template NAME`."""

    def new(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["new", *arguments])
        assert ended.value.code == 0
        return capsys.readouterr().out

    monkeypatch.chdir(tmp_path)
    beside = BESIDE.get(name, "tasks.jsonl")
    assert new(name) == f"wrote {name}.yaml\nwrote {beside}\nnext: prefmill check {name}.yaml\n"
    assert read_recipe(tmp_path / f"{name}.yaml").name == name
    assert new("other.yaml", "--template", name) == "wrote other.yaml\nnext: prefmill check other.yaml\n"
    assert (tmp_path / "other.yaml").read_text() == (tmp_path / f"{name}.yaml").read_text().replace(
        f"name: {name}\n", "name: other\n", 1
    )


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text("mine\n")
    assert write_template("pandalm", tmp_path / "a.yaml") == [tmp_path / "a.yaml"]
    (tmp_path / "a.yaml").write_text("mine\n")
    with pytest.raises(UserError, match=r"a\.yaml: exists already\. Choose another name\."):
        write_template("judgelm_100k", tmp_path / "a.yaml")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine\n"}


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^no template named 'pandaml'\. Known: .*quickstart.* Did you mean 'pandalm'\?$"
    ):
        write_template("pandaml", tmp_path / "a.yaml")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/a\.yaml: cannot be written \("):
        write_template("quickstart", tmp_path / "file" / "a.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
