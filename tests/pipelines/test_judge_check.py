"""Judges held against labels: rates that were planted in the simulated world come back, failures are no ties."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.curation.agreement.estimate import Estimate, Undefined
from prefmill.generators.budget import Caps
from prefmill.generators.world.population import ANSWERERS, BY_NAME, Teacher
from prefmill.pipelines.judge_blocks import Block, Measured
from prefmill.pipelines.judge_check import JudgeCheck, judge_check
from prefmill.pipelines.judge_check_recipe import check_recipe, endpoint_check, labelled_set, recipe_check
from prefmill.pipelines.recipe import NAME
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.schemas.errors import CapReached, RecipeError, UserError
from prefmill.schemas.rows import Example

from ..judge_server import EXAMPLE, EXPECTED, GOLD, MODEL, judging, vote

TASKS = 80
STRONG = BY_NAME["sim-teacher-strong"]
assert isinstance(STRONG, Teacher)


def write_recipe(folder: Path, teacher: str, **changes: object) -> Path:
    """Pairs of two different models of the world, each judged by one teacher."""
    judge = {"judge": "judgelm", "protocol": "both_orders"}
    recipe = {
        "name": "milled",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{"provider": "simulated", "model": answerer.name} for answerer in ANSWERERS],
        "compare": {"pairs": "random", "per_task": 2},
        "judge": {**judge, "teachers": [{"provider": "simulated", "model": teacher, "sampling": {"temperature": 0}}]},
        "exports": ["judgelm", "preference"],
        "world": {"seed": 4},
        **changes,
    }
    path = folder / f"{teacher}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.fixture(name="milled", scope="module")
def _milled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports of a run whose teacher is nearly always right; every third question has a reference."""
    folder = tmp_path_factory.mktemp("milled")
    tasks: list[dict[str, str]] = [{"instruction": f"Question {number}?"} for number in range(TASKS)]
    for task in tasks[::3]:
        task["reference"] = f"The answer to {task['instruction']}"
    (folder / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    run(read_recipe(write_recipe(folder, "sim-teacher-perfect")), folder / "run")
    return folder


def checked(milled: Path, directory: Path, **changes: object) -> JudgeCheck:
    """The strong teacher on the pairs with a winner."""
    pairs = labelled_set(milled / "run/export/preference", "preference")
    return judge_check(recipe_check(pairs, write_recipe(milled, STRONG.name, **changes)), directory)


@pytest.fixture(name="check", scope="module")
def _check(milled: Path) -> JudgeCheck:
    return checked(milled, milled / "check")


def value(found: Measured) -> float:
    assert isinstance(found, Estimate)
    return found.value


def ties(block: Block) -> int:
    return sum(row["tie"] for row in block.confusion.values())


def test_planted_rates_come_back(check: JudgeCheck) -> None:
    assert isinstance(STRONG, Teacher)
    (block,) = check.blocks
    assert (block.judge, block.labels, block.with_reference) == (STRONG.name, "verdict", False)
    assert 1.7 * TASKS < block.pairs == block.measured == check.labels["verdict"] <= 2 * TASKS
    # `Planted` counts a tie as half right. The labels are those of a teacher that is wrong about 3 pairs in 100, which
    # are the close ones; that shifts the rate by far less than its standard error.
    right = value(block.measures["agreement"]) + ties(block) / block.measured / 2
    consistent = value(block.orders["consistency"])
    for seen, planted in ((right, STRONG.planted.accuracy), (consistent, STRONG.planted.consistency)):
        assert abs(seen - planted) < 3 * math.sqrt(planted * (1 - planted) / block.measured)
    assert value(block.orders["prefer_first"]) > value(block.orders["prefer_second"])
    assert check.simulated
    assert check.sent == 2 * block.pairs


def test_the_report_is_kept_and_nothing_is_asked_again(milled: Path, check: JudgeCheck) -> None:
    report = json.loads((milled / "check/judge-check.json").read_text())
    assert report == check.as_plain()
    again = checked(milled, milled / "check")
    assert (again.sent, again.found, again.blocks) == (0, check.sent, check.blocks)


def test_two_blocks_where_some_questions_have_references(milled: Path, tmp_path: Path) -> None:
    pairs = labelled_set(milled / "run/export/judgelm", "judgelm", limit=40)
    recipe = recipe_check(pairs, write_recipe(milled, STRONG.name), "both")
    without, referenced = judge_check(recipe, tmp_path / "check").blocks
    tasks = [row.task for row in pairs.seeds() if isinstance(row, Example) and row.task.reference]
    assert (without.with_reference, referenced.with_reference) == (False, True)
    assert (without.pairs, referenced.pairs) == (40, len(tasks))
    agreement = referenced.measures["agreement"]
    assert isinstance(agreement, Estimate)
    assert (agreement.n, agreement.tasks) == (len(tasks), len({task.instruction for task in tasks}))
    assert 1 < agreement.tasks < agreement.n < 40
    never = recipe_check(pairs, write_recipe(milled, STRONG.name), "never")
    assert [block.with_reference for block in judge_check(never, tmp_path / "never").blocks] == [False]


def test_replies_that_cannot_be_read_are_counted_and_are_no_ties(
    milled: Path, check: JudgeCheck, tmp_path: Path
) -> None:
    (clean,) = check.blocks
    faults = {"seed": 4, "faults": {"unreadable": 0.3}}
    (block,) = checked(milled, tmp_path / "faulty", world=faults).blocks
    replies = 2 * block.pairs
    assert abs(value(block.unreadable) - 0.3) < 3 * math.sqrt(0.3 * 0.7 / replies)
    assert block.failures == {"unreadable": round(value(block.unreadable) * replies)}
    assert block.measured == block.pairs - block.left_out["first_order_not_read"]
    assert 0 < ties(block) <= ties(clean)
    for gold, row in block.confusion.items():
        assert all(pairs <= clean.confusion[gold][verdict] for verdict, pairs in row.items())
    consistency = block.orders["consistency"]
    assert isinstance(consistency, Estimate)
    assert consistency.n == block.measured - block.left_out["other_order_not_read"]


def labelled(folder: Path, *lines: str) -> Path:
    path = folder / "votes.jsonl"
    path.write_text("".join(lines))
    return path


def asked(place: Path, directory: Path, url: str, **options: Any) -> JudgeCheck:  # noqa: ANN401 - of `judge_check`
    recipe = endpoint_check(labelled_set(place, "arena"), {"model": MODEL, "base_url": url})
    return judge_check(recipe, directory, **options)


def test_every_number_is_what_one_reckons_by_hand(tmp_path: Path) -> None:
    place = labelled(tmp_path, *(vote(number, winner) for number, winner in GOLD.items()))
    with judging() as (url, heard):
        check = asked(place, tmp_path / "check", url)
        assert len(heard) == check.sent == 14
        (block,) = check.blocks
        found: dict[str, Measured] = {**block.measures, **block.orders, "unreadable": block.unreadable}
        assert found.keys() == EXPECTED.keys()
        for name, (expected, rows) in EXPECTED.items():
            one = found[name]
            assert isinstance(one, Estimate), name
            assert one.value == pytest.approx(expected), name
            assert one.n == rows, name
        assert block.left_out == {"first_order_not_read": 1, "other_order_not_read": 1}
        assert block.confusion == {
            "first": {"first": 2, "second": 0, "tie": 1},
            "second": {"first": 1, "second": 1, "tie": 0},
            "tie": {"first": 0, "second": 0, "tie": 1},
        }
        # Scores one apart are ties now, and nothing is asked for it.
        (wider,) = asked(place, tmp_path / "check", url, tie=1).blocks
        assert len(heard) == 14
    assert wider.confusion["second"] == {"first": 0, "second": 1, "tie": 1}


def test_peoples_labels_and_verdicts_are_kept_apart(tmp_path: Path) -> None:
    place = labelled(
        tmp_path,
        *(vote(number, winner) for number, winner in GOLD.items() if number < 4),
        *(vote(number, "first", "gpt-4") for number in (4, 5)),
        vote(6, "first"),
        vote(6, "second", "arena_user_2"),
        vote(7, "nobody"),
    )
    with judging() as (url, heard):
        check = asked(place, tmp_path / "check", url)
    assert check.labels == {"people": 3, "verdict": 2}
    assert check.left_out == {"no_majority": 1, "malformed": 1}
    people, verdicts = check.blocks
    assert [(block.labels, block.pairs, value(block.measures["agreement"])) for block in (people, verdicts)] == [
        ("people", 3, 1.0),
        ("verdict", 2, 0.5),
    ]
    assert len(heard) == 10


def test_what_is_not_defined_has_a_reason_and_no_value(tmp_path: Path) -> None:
    with judging() as (url, _):
        (block,) = asked(labelled(tmp_path, vote(1, "first"), vote(2, "first")), tmp_path / "check", url).blocks
        (alone,) = asked(labelled(tmp_path, vote(1, "first")), tmp_path / "alone", url).blocks
    kappa = block.measures["kappa"]
    assert isinstance(kappa, Undefined)
    assert "everybody always says the same" in str(kappa)
    assert block.as_plain()["measures"]["kappa"] == {"undefined": str(kappa)}
    assert value(block.measures["agreement"]) == 1
    for name in ("agreement", "f1"):
        assert isinstance(alone.measures[name], Undefined)
    assert all(isinstance(one, Undefined) for one in alone.orders.values())


def test_no_label_and_no_verdict_are_one_line_each(tmp_path: Path) -> None:
    unread = dict.fromkeys(EXAMPLE, ("Fine.", "Fine."))
    split = labelled(tmp_path, vote(1, "first"), vote(1, "second", "arena_user_2"))
    with judging(unread) as (url, heard):
        with pytest.raises(UserError, match=r"votes\.jsonl: no pair with a label in 1 rows \(no_majority 1\)"):
            asked(split, tmp_path / "none", url)
        assert not heard
        place = labelled(tmp_path, vote(1, "first"), vote(2, "tie"))
        with pytest.raises(UserError, match=r"no verdict could be read of 2 pairs \(unreadable 4\)"):
            asked(place, tmp_path / "unread", url)
    report = json.loads((tmp_path / "unread/judge-check.json").read_text())
    assert report["blocks"][0]["unreadable"]["value"] == 1


def test_a_cap_stops_it_and_the_rest_is_asked_later(tmp_path: Path) -> None:
    place = labelled(tmp_path, *(vote(number, winner) for number, winner in GOLD.items()))
    with judging() as (url, heard):
        with pytest.raises(CapReached):
            asked(place, tmp_path / "check", url, caps=Caps(calls=5))
        assert len(heard) == 5
        assert asked(place, tmp_path / "check", url).sent == 9
        assert len(heard) == len(set(heard)) == 14


ENTRY = {"model": MODEL, "base_url": "http://127.0.0.1:1/v1"}
WRONG: list[tuple[Mapping[str, Any], str]] = [
    ({"base_url": "localhost:8000"}, "--base-url: an address like http://localhost:8000/v1"),
    ({"api_key_env": "sk-0123456789abcdef"}, "--api-key-env: name a variable, in capitals"),
    ({"api_key_env": "NO_SUCH_VARIABLE"}, "the environment variable NO_SUCH_VARIABLE is not set"),
    ({"max_in_flight": 0}, "--max-in-flight: at least 1 "),
]


@pytest.mark.parametrize(("entry", "expected"), WRONG, ids=lambda value: str(value)[:30])
def test_a_mistake_in_the_options_names_the_option(tmp_path: Path, entry: Mapping[str, Any], expected: str) -> None:
    pairs = labelled_set(labelled(tmp_path, vote(1, "first")), "arena")
    with pytest.raises(UserError) as caught:
        endpoint_check(pairs, {**ENTRY, **entry})
    assert expected in str(caught.value)
    assert "0123456789" not in str(caught.value)


def test_judges_that_cannot_be_checked(milled: Path, tmp_path: Path) -> None:
    pairs = labelled_set(labelled(tmp_path, vote(1, "first")), "arena")
    with pytest.raises(UserError, match=r"--judge flow_judge: grades single answers; .* Known: .*judgelm"):
        endpoint_check(pairs, ENTRY, "flow_judge")
    with pytest.raises(UserError, match=r"no judge named 'judgeml'\. .*Did you mean 'judgelm'"):
        endpoint_check(pairs, ENTRY, "judgeml")
    with pytest.raises(RecipeError, match="--reference: one of 'when_present', 'never', 'both'"):
        endpoint_check(pairs, ENTRY, reference="always")
    single = write_recipe(milled, "sim-teacher-strong", compare={"pairs": "none"}, exports=[])
    text = yaml.safe_load(single.read_text())
    text["judge"] = {"judge": "flow_judge", "teachers": text["judge"]["teachers"]}
    single.write_text(yaml.safe_dump(text))
    with pytest.raises(UserError, match="'flow_judge' grades single answers"):
        recipe_check(pairs, single)


def test_one_way_of_naming_the_judge_at_a_time(milled: Path, tmp_path: Path) -> None:
    pairs = labelled_set(labelled(tmp_path, vote(1, "first")), "arena")
    path = write_recipe(milled, STRONG.name)
    with pytest.raises(UserError, match=r"--model, --base-url: missing\. "):
        check_recipe(pairs, None, {"model": None, "base_url": None})
    with pytest.raises(UserError, match=r"--model, --judge: not with --recipe"):
        check_recipe(pairs, path, {"model": "m", "base_url": None}, "judgelm")
    assert check_recipe(pairs, path, {}).judge.teachers[0].model == STRONG.name


def test_a_name_fits_a_folder_whatever_the_model_is_called(tmp_path: Path) -> None:
    pairs = labelled_set(labelled(tmp_path, vote(1, "first")), "arena")
    for model in (MODEL, "/models/judge v1/", "ü" * 200, "x" * 300):
        assert NAME.fullmatch(endpoint_check(pairs, {**ENTRY, "model": model}).name)
    name = endpoint_check(pairs, ENTRY).name
    assert name.startswith("judge-check-me-my-judge-votes-")
    # The same questions have the same directory, wherever the judge is served; others have another one.
    assert endpoint_check(pairs, {**ENTRY, "base_url": "http://127.0.0.1:2/v1", "max_in_flight": 3}).name == name
    (tmp_path / "other").mkdir()
    elsewhere = labelled_set(labelled(tmp_path / "other", vote(1, "first")), "arena")
    others = [endpoint_check(elsewhere, ENTRY), endpoint_check(pairs, ENTRY, reference="never")]
    assert len({name, *(other.name for other in others)}) == 3
