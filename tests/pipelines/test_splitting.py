"""Train and held-out parts share no near duplicate, and what is held out for good is trained on nowhere."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.curation.duplicates.near import THRESHOLD
from prefmill.pipelines.export import export
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.rundir import FOLDERS, RunDirectory
from prefmill.pipelines.splitting.groups import FILE, group
from prefmill.pipelines.splitting.settings import HoldOut, Splitting
from prefmill.schemas.errors import RecipeError
from prefmill.schemas.formats import Format
from prefmill.schemas.formats._split import share_of
from prefmill.schemas.formats.helpsteer3 import HelpSteer3
from prefmill.schemas.formats.judgelm import JudgeLMFormat
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.plugins import load, names
from prefmill.schemas.row import Row
from prefmill.schemas.rows import Answer, Comparison, Judgment, Message, Task, Verdict
from prefmill.schemas.rubric import Rubric
from tests.publishable import finished_run

MANIFEST = {"name": "run", "prefmill": "0", "seed": 1, "calls": []}
RUBRICS = ("Is it right?", "Is it kind?", "Is it brief?")
WORDS = [f"word{number}" for number in range(900)]


def planted(copies: Sequence[int], seed: int = 0) -> list[Task]:
    """A cluster of tasks for each number: a text of 30 words, and copies with a word changed, in no order. Copies are
    near duplicates of the text, and not always of each other."""
    draw = random.Random(seed)
    found = []
    for cluster, count in enumerate(copies):
        text = draw.choices(WORDS, k=30)
        for copy in range(count):
            changed = list(text)
            if copy:
                changed[draw.randrange(30)] = f"other{cluster}x{copy}"
            found.append(
                Task(
                    source_id=f"{cluster}/{copy}",
                    messages=(Message(role="user", content=" ".join(changed)),),
                    category="code" if cluster % 4 == 0 else None,
                    rubric=Rubric(criteria=RUBRICS[cluster % 3]),
                )
            )
    draw.shuffle(found)
    return found


def judged_run(path: Path, tasks: Sequence[Task]) -> RunDirectory:
    """A run in which `a` meets `b` and `c` on every task."""
    place = RunDirectory(path)
    rows: dict[type[Row], list[Row]] = {kind: [] for kind in FOLDERS}
    for task in tasks:
        answers = {model: Answer(task_id=task.id, model=model, text=f"{model}: so.") for model in "abc"}
        rows[Task].append(task)
        rows[Answer] += answers.values()
        for pair in ("ab", "ca"):
            ids = tuple(answers[model].id for model in pair)
            comparison = Comparison(task_id=task.id, answer_ids=ids, models=tuple(pair))
            judgment = Judgment(comparison_id=comparison.id, task_id=task.id, teacher="t", judge="judgelm",
                                shown=(0, 1), scores=(8, 3), rationale="As one sees.")  # fmt: skip
            rows[Comparison].append(comparison)
            rows[Judgment].append(judgment)
            rows[Verdict].append(
                Verdict(comparison_id=comparison.id, task_id=task.id, protocol="one_order", winner="first", margin=5,
                        judgment_ids=(judgment.id,))
            )  # fmt: skip
    for kind, some in rows.items():
        place.write(kind, 0, some)
    place.write_manifest(MANIFEST)
    return place


def prompts(place: RunDirectory, name: str) -> list[str]:
    path = place.path / "export" / "preference" / name
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row["prompt"][0]["content"] for row in rows]


def files(place: RunDirectory) -> dict[str, bytes]:
    return {str(path.relative_to(place.path)): path.read_bytes() for path in place.path.glob("export/*/*.json*")}


def told(place: RunDirectory, *formats: Format) -> dict[str, Any]:
    manifest: dict[str, Any] = {}
    export(place, formats, manifest)
    split: dict[str, Any] = manifest["split"]
    return split


def likeness(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / len(one | other)


def shared(place: RunDirectory, clusters: dict[str, str]) -> set[str]:
    """Planted clusters with rows in both files."""
    train, test = ({clusters[text] for text in prompts(place, name)} for name in ("train.jsonl", "test.jsonl"))
    assert train and test
    return train & test


def test_no_cluster_is_on_both_sides(tmp_path: Path) -> None:
    sizes = [1, 1, 1, 2, 3, 5] * 25
    tasks = planted(sizes)
    clusters = {task.instruction: str(task.source_id).partition("/")[0] for task in tasks}
    place = judged_run(tmp_path, tasks)
    without = told(place, Preference(test_share=0.2))
    assert "groups" not in without and shared(place, clusters), "each question for itself tears clusters apart"
    group(place, Splitting())
    split = told(place, Preference(test_share=0.2), JudgeLMFormat(val_share=0.3), HelpSteer3(validation_share=0.1))
    assert not shared(place, clusters)
    # No text of the held-out file is like one to train on, also by a count of its own.
    train, test = set(prompts(place, "train.jsonl")), set(prompts(place, "test.jsonl"))
    ngrams = {text: set(zip(*(text.split()[step:] for step in range(3)), strict=False)) for text in train | test}
    assert max(likeness(ngrams[one], ngrams[other]) for one in test for other in train) < THRESHOLD
    counts = {key: split[key] for key in ("by", "tasks", "groups", "of_several_tasks", "largest")}
    assert counts == {"by": "clusters", "tasks": sum(sizes), "groups": len(sizes), "of_several_tasks": 75, "largest": 5}
    for one, share in zip(split["formats"].values(), (0.2, 0.3, 0.1), strict=True):
        assert one["groups"]["both"] == 0 and one["share"] == share
        assert sum(one["rows"].values()) == 2 * sum(sizes)
        # About its share of the clusters, whatever their sizes; of 150, a share of 0.2 is 30 give or take 5.
        assert one["groups"]["held_out"] / len(sizes) == pytest.approx(share, abs=0.1)
        assert {name: sum(sides.values()) for name, sides in one["by_category"].items()} == Counter(
            task.category or "none" for task in tasks for _ in range(2)
        )
    card = (place.path / "export/preference/README.md").read_text()
    assert "## Train and held out" in card
    assert "325 tasks are 150 groups of near duplicates, 75 of them of several tasks, the largest of 5." in card
    assert "0 groups on both sides." in card


def test_a_smaller_share_holds_out_a_part_of_what_a_larger_one_does(tmp_path: Path) -> None:
    place = judged_run(tmp_path, planted([1, 2, 3] * 20))
    group(place, Splitting())
    held = []
    for share in (0.1, 0.3, 0.8):
        told(place, Preference(test_share=share))
        held.append(set(prompts(place, "test.jsonl")))
    assert held[0] < held[1] < held[2]


def test_tasks_that_are_like_no_other_are_held_out_as_ever(tmp_path: Path) -> None:
    place = judged_run(tmp_path, planted([1] * 60))
    formats = (Preference(test_share=0.3), JudgeLMFormat(val_share=0.3))
    export(place, formats)
    before = files(place)
    group(place, Splitting())
    export(place, formats)
    assert files(place) == before
    assert {row for row in before if before[row]} >= {
        "export/preference/test.jsonl",
        "export/judgelm/judgelm_val.jsonl",
    }


def test_by_question_only_the_same_text_is_one_group(tmp_path: Path) -> None:
    place = judged_run(tmp_path, planted([3] * 30))
    group(place, Splitting(by="question"))
    split = told(place, Preference(test_share=0.5))
    assert (split["groups"], split["largest"]) == (90, 1)


def test_the_order_of_the_tasks_changes_nothing(tmp_path: Path) -> None:
    tasks = planted([1, 2, 4] * 15)
    held = []
    for number, some in enumerate((tasks, tasks[::-1])):
        place = judged_run(tmp_path / str(number), some)
        group(place, Splitting())
        told(place, Preference(test_share=0.4))
        held.append(set(prompts(place, "test.jsonl")))
    assert held[0] == held[1]


def test_a_held_out_model_is_trained_on_nowhere(tmp_path: Path) -> None:
    place = judged_run(tmp_path, planted([1, 2] * 30))
    group(place, Splitting(hold_out=HoldOut(models=("c",))))
    fall = export(place, (Preference(test_share=0.3), JudgeLMFormat(val_share=0.3)))
    rows = {
        name: [json.loads(line) for line in (place.path / f"export/preference/{name}.jsonl").read_text().splitlines()]
        for name in ("train", "test")
    }
    models = {
        name: {model for row in some for model in (row["chosen_model"], row["rejected_model"])}
        for name, some in rows.items()
    }
    assert models == {"train": {"a", "b"}, "test": {"a", "b", "c"}}
    # Every pair with `c` whose task is trained on is gone, and said to be.
    dropped = fall["export preference"].dropped
    assert dropped == {"held_out_model": len(rows["train"])} == fall["export judgelm"].dropped
    assert "held_out_model" in (place.path / "export/preference/README.md").read_text()


def test_a_held_out_rubric_takes_its_clusters_along(tmp_path: Path) -> None:
    tasks = planted([1, 2, 2] * 12)
    place = judged_run(tmp_path, tasks)
    group(place, Splitting(hold_out=HoldOut(rubrics=(RUBRICS[1],))))
    split = told(place, Preference(test_share=0.1))
    rubric = {task.instruction: task.rubric.criteria for task in tasks if task.rubric}
    assert RUBRICS[1] not in {rubric[text] for text in prompts(place, "train.jsonl")}
    held = Counter(rubric[text] for text in prompts(place, "test.jsonl"))
    assert held[RUBRICS[1]] == 2 * split["tasks_with_held_out_rubric"] == 2 * 24
    # Without a held-out part there is no place for them.
    fall = export(place, (Preference(test_share=0),))
    assert fall["export preference"].dropped == {"held_out_rubric": 48}


def test_what_is_held_out_and_is_not_there_is_told(tmp_path: Path) -> None:
    """A name with a slip in it holds out nothing."""
    place = judged_run(tmp_path, planted([1, 2]))
    group(place, Splitting(hold_out=HoldOut(models=("c", "cc"), rubrics=(RUBRICS[0], "Is it kynd?"))))
    split = told(place, Preference(test_share=0.3))
    assert split["held_out_and_absent"] == ["cc", "Is it kynd?"]
    card = (place.path / "export/preference/README.md").read_text()
    assert "Nothing here is of 'cc'" in card and "'Is it kynd?'" in card


def test_every_format_that_splits_says_its_share() -> None:
    shares = {name: share_of(load(Format, name)()) for name in names("format") if name != "flow_judge"}
    assert {name for name, share in shares.items() if share is not None} == {
        "helpsteer2", "helpsteer3", "judgelm", "preference", "preference_implicit", "preference_text", "rlhflow",
        "ultrafeedback_binarized", "unpaired",
    }  # fmt: skip
    source = Path(__file__).parents[2] / "schemas" / "formats"
    calling = {path.stem for path in source.glob("[a-z]*.py") if "held_out(example, self." in path.read_text()}
    assert calling == {name for name, share in shares.items() if share is not None}


def test_the_recipes_block(tmp_path: Path) -> None:
    assert Splitting().threshold == THRESHOLD

    def read(**split: object) -> Splitting | None:
        place = finished_run(tmp_path, tasks=1, split=split)
        return read_recipe(place.recipe(), environment=False).split

    assert read(by="question") == Splitting(by="question")
    held = read(hold_out={"models": ["mistral-7b-instruct"]})
    assert held is not None and held.hold_out.models == ("mistral-7b-instruct",)
    with pytest.raises(RecipeError, match=r"split.hold_out.models\[0\]: no answering model 'mistral'. Known: mistral"):
        read(hold_out={"models": ["mistral"]})
    with pytest.raises(RecipeError, match=r"exports\[1\]: 'arena' does not divide its rows"):
        finished_run(tmp_path, tasks=1, split={"hold_out": {"rubrics": ["x"]}}, exports=["preference", "arena"])
    with pytest.raises(RecipeError, match=r"split.by"):
        read(by="task")


def test_the_file_can_be_read_by_a_person(tmp_path: Path) -> None:
    place = judged_run(tmp_path, planted([2, 1]))
    group(place, Splitting())
    plain = json.loads((place.path / FILE).read_text())
    assert plain["settings"] == yaml.safe_load("{by: clusters, threshold: 0.7, hold_out: {models: [], rubrics: []}}")
    assert len(plain["of"]) == 1 and plain["told"]["groups"] == 2
