"""Tasks that come with answers and people's labels: from files of several formats into Reviews, and through a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefmill.generators.sources.reviewed import Reviewed
from prefmill.pipelines.examples import examples
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.pipelines.templates import write_template
from prefmill.schemas.errors import RecipeError, SourceError
from prefmill.schemas.labels import Label, label_of
from prefmill.schemas.rows import Example, Loss


def battle(number: int, winner: str, judge: str = "arena_user_1", **changes: object) -> str:
    def said(text: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": text}]

    row = {
        "question_id": f"q{number}",
        "model_a": "oak",
        "model_b": "elm",
        "winner": winner,
        "judge": judge,
        "conversation_a": said("one"),
        "conversation_b": said("two"),
        "turn": 1,
        **changes,
    }
    return json.dumps(row) + "\n"


def arena(tmp_path: Path, *lines: str) -> Reviewed:
    path = tmp_path / "battles.jsonl"
    path.write_text("".join(lines))
    return Reviewed(format="arena", path=path)


def test_labels_become_reviews_and_a_bad_row_a_loss_with_its_line(tmp_path: Path) -> None:
    source = arena(tmp_path, battle(1, "model_a"), battle(2, "nobody"), battle(3, "tie", "arena_user_9"))
    first, bad, third = source.seeds()
    assert isinstance(first, Example)
    assert isinstance(third, Example)
    assert [(review.annotator, review.winner) for review in (*first.reviews, *third.reviews)] == [
        ("1", "first"),
        ("9", "tie"),
    ]
    assert [answer.text for answer in first.answers] == ["one", "two"]
    assert isinstance(bad, Loss)
    assert (bad.stage, bad.status, bad.reason, bad.by) == ("tasks", "failed", "malformed", "reviewed")
    assert bad.row_id.startswith("battles.jsonl:2")
    assert "nobody" in bad.detail


def test_a_comparison_that_comes_again_gives_its_labels_to_the_first(tmp_path: Path) -> None:
    lines = [
        battle(1, "model_a"),
        battle(2, "tie"),
        battle(1, "model_b", "arena_user_2"),
        battle(1, "tie", "arena_user_3"),
    ]
    first, second, *again = arena(tmp_path, *lines).seeds()
    assert isinstance(first, Example)
    assert isinstance(second, Example)
    assert [review.winner for review in first.reviews] == ["first", "second", "tie"]
    assert len(second.reviews) == 1
    assert [(loss.status, loss.reason) for loss in again if isinstance(loss, Loss)] == [("dropped", "duplicate")]


def test_what_nobody_has_judged_is_no_task(tmp_path: Path) -> None:
    (lost,) = arena(tmp_path, battle(1, "model_a", judge="gpt-4")).seeds()
    assert isinstance(lost, Loss)
    assert lost.detail == "no label by a person"


def test_any_label_will_do_where_that_is_wanted(tmp_path: Path) -> None:
    """People's majority, else the verdict of the file; what has neither is counted by its reason."""
    lines = [
        battle(1, "model_a", judge="gpt-4"),
        battle(2, "model_a"),
        battle(2, "tie", "arena_user_2"),
        battle(3, "model_b"),
        battle(2, "tie", "arena_user_3"),
        battle(4, "model_a"),
        battle(4, "model_b", "arena_user_2"),
    ]
    rows = list(arena(tmp_path, *lines).model_copy(update={"labels": "any"}).seeds())
    labels = [label_of(row) for row in rows if isinstance(row, Example)]
    assert labels == [Label("first", "verdict"), Label("tie", "people"), Label("second", "people")]
    assert [loss.reason for loss in rows if isinstance(loss, Loss)] == ["duplicate", "no_majority"]


def test_a_pair_that_was_not_judged_at_first_takes_its_later_labels_once(tmp_path: Path) -> None:
    source = arena(tmp_path, battle(1, "tie", "gpt-4"), battle(2, "tie"), battle(1, "model_b"))
    rows = [row for row in source.seeds() if isinstance(row, Example)]
    assert [[review.winner for review in row.reviews] for row in rows] == [["second"], ["tie"]]


def test_a_file_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        list(Reviewed(format="arena", path=tmp_path / "nothing.jsonl").seeds())
    with pytest.raises(SourceError, match="holds no rows"):
        list(arena(tmp_path).seeds())


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{source: reviewed, format: areena, path: votes.jsonl}", "Did you mean 'arena'?"),
        ("{source: reviewed, format: flow_judge, path: votes.jsonl}", "holds graded answers, not comparisons"),
    ],
)
def test_formats_that_do_not_fit_are_told(tmp_path: Path, entry: str, said: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    write_template("human_preference", recipe)
    text = recipe.read_text().replace("{source: reviewed, format: arena, path: votes.jsonl}", entry)
    recipe.write_text(text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(recipe)
    (line,) = caught.value.lines
    assert "tasks.format: " in line
    assert said in line


def test_a_run_judges_what_people_judged_and_keeps_both(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    write_template("human_preference", recipe)
    manifest = run(read_recipe(recipe), tmp_path / "run")
    rows = list(examples(RunDirectory(tmp_path / "run")))
    assert manifest["stages"]["verdicts"]["kept"] == len(rows) == 40
    assert all(row.reviews and row.verdict and len(row.judgments) == 2 for row in rows)
    agreed = sum(row.verdict is not None and row.reviews[0].winner == row.verdict.winner for row in rows)
    # People of this file are right in nine of ten; the strong teacher asked in both orders in more than eight.
    assert 24 <= agreed < 40
    assert [one["stage"] for one in manifest["calls"]] == ["judgments"]
