"""What differs between two runs, or two exports, is found; what is the same is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from prefmill.generators.records.format_files import format_named
from prefmill.pipelines.curate import FormatRows
from prefmill.pipelines.diff import diff
from prefmill.pipelines.diff.files import _row, _rows
from prefmill.pipelines.diff.rows import FIRST, Labelled, compared
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.errors import UserError
from prefmill.schemas.plugins import names
from prefmill.schemas.rows import Answer, Comparison, Example, Message, Task, Verdict

from ..probed_runs import STRONG, rows, teachers, write_recipe
from ..report.handmade import handmade

GOLDEN = Path(__file__).parents[2] / "golden"
FORMATS = [name for name in names("format") if (GOLDEN / name).is_dir()]


def _stream(*told: tuple[str, str | None, float, bool]) -> Iterator[tuple[str, Labelled]]:
    for key, winner, margin, kept in told:
        yield key, Labelled(key, winner, (margin,), kept)


def test_rows_are_told_apart_and_counted() -> None:
    one = _stream(("a", "first", 1, True), ("b", "tie", 0, True), ("b", "first", 2, True), ("c", "first", 3, True))
    other = _stream(
        ("b", "tie", 1e-12, True), ("d", "second", -1, True), ("b", "second", -2, True), ("a", "first", 1, False)
    )
    found = compared(one, other)
    first = found.pop("first")
    assert found == {
        "a": 4, "b": 4, "both": 3, "same": 1, "only_a": 1, "only_b": 1,
        "changed": {"winner": 1, "scores": 1, "kept": 1},
    }  # fmt: skip
    assert ([row["row"] for row in first["only_a"]], [row["row"] for row in first["only_b"]]) == (["c"], ["d"])
    assert [(pair["a"]["winner"], pair["b"]["winner"], pair["b"]["kept"]) for pair in first["changed"]] == [
        ("first", "second", True),
        ("first", "first", False),
    ]


def test_of_many_rows_only_the_first_are_named() -> None:
    many = [(f"r{n}", "first", 1.0, True) for n in range(3 * FIRST)]
    found = compared(_stream(*many), _stream())
    assert (found["only_a"], len(found["first"]["only_a"])) == (3 * FIRST, FIRST)


def _copied(directory: Path, place: Path) -> RunDirectory:
    shutil.copytree(directory, place)
    return RunDirectory(place)


def test_a_run_and_itself_differ_in_nothing(tmp_path: Path) -> None:
    directory = handmade(tmp_path / "one")
    found = diff(directory, _copied(directory, tmp_path / "two").path)
    assert (found["kind"], found["recipe"]) == ("runs", [])
    assert all(one["a"] == one["b"] for one in (*found["stages"].values(), *found["calls"]))
    assert found["tasks"] == {"both": 4, "only_a": 0, "only_b": 0}
    assert (found["labels"]["same"], found["labels"]["a"]) == (4, 4)


def test_a_changed_label_recipe_and_count_are_found(tmp_path: Path) -> None:
    directory = handmade(tmp_path / "one")
    other = _copied(directory, tmp_path / "two")
    verdicts = other.rows(Verdict, 0)
    changed = verdicts[0].model_copy(update={"debiased": -1.0, "winner": "second"})
    other.write_labels(0, [changed, *verdicts[1:]])
    recipe = yaml.safe_load((other.path / "recipe.yaml").read_text())
    recipe["judge"]["teachers"][0]["model"] = "sim-teacher-cheap-2"
    (other.path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    manifest = other.manifest()
    manifest["stages"]["tasks"]["in"] = 9
    manifest["calls"] = [
        {
            "stage": "answers",
            "model": "oak",
            "calls": 5,
            "failed": 0,
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "cost_usd": 0.5,
        }
    ]
    other.write_manifest(manifest)
    found = diff(directory, other.path)
    assert found["recipe"] == [f"judge.teachers[0].model: {STRONG!r} -> 'sim-teacher-cheap-2'"]
    assert found["labels"]["changed"] == {"winner": 1, "scores": 1, "kept": 0}
    (pair,) = found["labels"]["first"]["changed"]
    assert (pair["a"]["row"], pair["a"]["scores"], pair["b"]["scores"]) == (changed.comparison_id, [4.5], [-1.0])
    assert (found["stages"]["tasks"]["a"]["in"], found["stages"]["tasks"]["b"]["in"]) == (4, 9)
    assert [(one["a"], one["b"]["cost_usd"]) for one in found["calls"]] == [(None, 0.5)]


def _pair(instruction: str, chosen: str, rejected: str) -> dict[str, object]:
    said = [{"role": "user", "content": instruction}]
    answer = [[{"role": "assistant", "content": text}] for text in (chosen, rejected)]
    return {"prompt": said, "chosen": answer[0], "rejected": answer[1]}


def _file(path: Path, *records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def test_files_are_compared_by_content(tmp_path: Path) -> None:
    one = _file(tmp_path / "a" / "preference" / "train.jsonl", *(_pair(q, "x", "y") for q in "pqr"))
    other = _file(
        tmp_path / "b" / "preference" / "train.jsonl", _pair("q", "y", "x"), _pair("p", "x", "y"), _pair("s", "x", "y")
    )
    found = diff(one, other)
    assert (found["kind"], found["format"]) == ("files", "preference")
    assert {key: found["rows"][key] for key in ("both", "same", "only_a", "only_b")} == {
        "both": 2, "same": 1, "only_a": 1, "only_b": 1,
    }  # fmt: skip
    assert found["rows"]["changed"]["winner"] == 1
    assert diff(one.parent, other.parent)["rows"] | {"first": None} == found["rows"] | {"first": None}


def test_rows_of_files_are_named_by_file_and_line(tmp_path: Path) -> None:
    shared = _pair("p", "x", "y")
    one = _file(tmp_path / "a" / "preference" / "train.jsonl", shared, {}, _pair("q", "x", "y")).parent
    _file(one / "test.jsonl", _pair("r", "x", "y"))
    other = _file(tmp_path / "b" / "mine.jsonl", shared, _pair("s", "x", "y"))
    other.write_text("\n" + other.read_text())
    found = diff(one, other, "preference")
    assert [row["row"] for row in found["rows"]["first"]["only_a"]] == ["train.jsonl:3", "test.jsonl:1"]
    assert [row["row"] for row in found["rows"]["first"]["only_b"]] == ["mine.jsonl:3"]
    assert found["malformed"] == {"a": 1, "b": 0}


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_of_any_format_is_found_where_it_is_said_to_be(name: str) -> None:
    format = format_named(name, "")
    folder = GOLDEN / name
    places = [f"{one.file}:{one.line}" for one in FormatRows(format, folder).read() if isinstance(one.row, Example)]
    found = [row.name.split(" ")[0] for _, row in _rows(format, folder, {"a": 0}, "a")]
    assert found == places


def test_the_order_of_two_answers_is_no_difference(tmp_path: Path) -> None:
    task = Task(messages=(Message(role="user", content="?"),))
    answers = tuple(Answer(task_id=task.id, model=name, text=name) for name in "ab")
    told = []
    for some, winner, margin in ((answers, "first", 2.0), (answers[::-1], "second", -2.0)):
        compared_ = Comparison(task_id=task.id, answer_ids=tuple(one.id for one in some), models=("a", "b"))
        verdict = Verdict(
            comparison_id=compared_.id, task_id=task.id, protocol="p", judgment_ids=(), winner=winner, margin=margin
        )  # fmt: skip
        told.append(_row(Example(index=0, task=task, answers=some, comparison=compared_, verdict=verdict), "row"))
    assert told[0] == told[1]


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    directory = handmade(tmp_path / "one")
    rows_ = _file(tmp_path / "rows.jsonl", _pair("p", "x", "y"))
    with pytest.raises(UserError, match=r"nowhere: no such file"):
        diff(directory, tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"a run, and the other is an export\. Name its export"):
        diff(directory, rows_)
    with pytest.raises(UserError, match=r"--format preference: A and B are runs"):
        diff(directory, directory, "preference")
    with pytest.raises(UserError, match=r"Say which with --format"):
        diff(rows_, rows_)
    assert diff(rows_, rows_, "preference")["rows"]["same"] == 1


@pytest.mark.slow
def test_two_real_runs(tmp_path: Path) -> None:
    changes = [
        {},
        {"judge": {"judge": "judgelm", "protocol": "one_order", "teachers": teachers("sim-teacher-cheap-1")}},
    ]
    directories = []
    for number, change in enumerate(changes):
        recipe = read_recipe(write_recipe(tmp_path / str(number), 12, exports=["preference"], **change))
        run(recipe, tmp_path / str(number) / "run")
        directories.append(tmp_path / str(number) / "run")
    found = diff(directories[0], directories[1])
    labels = [{one.comparison_id: one for one in rows(directory, Verdict)} for directory in directories]
    winners = sum(one.winner != labels[1][name].winner for name, one in labels[0].items())
    assert found["labels"]["both"] == 12
    assert found["labels"]["changed"]["winner"] == winners > 0
    one, other = (directory / "export" / "preference" / "train.jsonl" for directory in directories)
    assert diff(one, other)["rows"]["both"] > 0
