"""What `check` and `estimate --sample 0` say beforehand, for recipes whose tasks, answers or judging are special.

Where nothing fails, the calls they name are the calls a run makes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.generators.sources.authored import Authored
from prefmill.pipelines.estimate import estimate
from prefmill.pipelines.overview import plan
from prefmill.pipelines.recipe import Recipe
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.run import run
from prefmill.schemas.errors import UserError
from prefmill.schemas.rubric import Rubric

RECIPES = Path(__file__).parents[2] / "pipelines" / "recipes"
OAK, PINE, ELM = "sim-oak-70b", "sim-pine-7b", "sim-elm-9b"
STRONG, CHEAP = "sim-teacher-strong", "sim-teacher-cheap-1"
LEVELS = [f"A {score}." for score in range(1, 6)]


def models(*names: str, **fields: object) -> list[dict[str, Any]]:
    return [{"provider": "simulated", "model": name, **fields} for name in names]


def read(folder: Path, **changes: object) -> Recipe:
    """Six tasks with rubrics, every second one with a reference; the last line is none."""
    lines = []
    for number in range(6):
        record: dict[str, Any] = {"instruction": f"{number}?", "rubric": {"criteria": "Right?", "levels": LEVELS}}
        lines.append(json.dumps({**record, "reference": "Because."} if number % 2 else record))
    (folder / "tasks.jsonl").write_text("\n".join([*lines, "{"]))
    recipe = {
        "name": "guessed",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": models(OAK, PINE),
        "judge": {"judge": "prometheus_absolute", "teachers": models(STRONG)},
        **changes,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return read_recipe(folder / "recipe.yaml")


def planned(recipe: Recipe) -> dict[tuple[str, str], int]:
    """Calls by stage and model, which `check` and `estimate` agree on; no model is asked."""
    said = {(call.stage, call.model): call.calls for call in plan(recipe).calls}
    estimated = estimate(recipe, Path("nowhere"), sample=0)
    assert said == {(line.stage, line.model): line.calls.expected for line in estimated.lines}
    assert not Path("nowhere").exists()
    assert (estimated.sampled, estimated.sent, estimated.tasks) == (0, 0, plan(recipe).tasks)
    return said


def made(recipe: Recipe, directory: Path) -> dict[tuple[str, str], int]:
    return {(row["stage"], row["model"]): row["calls"] for row in run(recipe, directory)["calls"]}


def authored(folder: Path, wanted: int = 2, each: int = 3, **changes: object) -> Recipe:
    source = {
        "source": "authored",
        "rubrics": {"seeds": str(RECIPES / "seed_rubrics.jsonl"), "wanted": wanted},
        "instructions_per_rubric": each,
        "author": models("sim-oak-70b")[0],
        **changes,
    }
    return read(folder, answers=models(PINE), tasks=source)


def test_a_judge_of_single_answers_is_asked_about_each(tmp_path: Path) -> None:
    judge = {"judge": "prometheus_absolute", "reference": "both", "teachers": models(STRONG, CHEAP)}
    recipe = read(tmp_path, answers=[*models(OAK, samples=2), *models(PINE)], judge=judge)
    # Three answers to each of six tasks, three of which are asked about twice.
    assert planned(recipe) == {
        ("answers", OAK): 12, ("answers", PINE): 6, ("judgments", STRONG): 27, ("judgments", CHEAP): 27
    }  # fmt: skip
    assert (plan(recipe).tasks, plan(recipe).lost) == (6, 1)
    assert made(recipe, tmp_path / "run") == planned(recipe)


def test_verdicts_from_grades_cost_nothing_more(tmp_path: Path) -> None:
    compared = read(tmp_path, compare={"pairs": "all"}, answers=models(OAK, PINE, ELM))
    assert planned(compared) == planned(read(tmp_path, answers=models(OAK, PINE, ELM)))


def test_answers_that_aim_are_as_many_as_their_scores(tmp_path: Path) -> None:
    recipe = read(tmp_path, aim={"scores": [1, 3, 5]}, answers=models(OAK, samples=2))
    assert planned(recipe) == {("answers", OAK): 36, ("judgments", STRONG): 36}
    assert made(recipe, tmp_path / "run") == planned(recipe)
    # Their prompts hold the rubric and what is asked of the answer.
    line = estimate(recipe, tmp_path, sample=0).lines[0]
    plain = estimate(read(tmp_path), tmp_path, sample=0).lines[0]
    assert plain.prompt_tokens.expected < 10 * 6
    assert 200 * 36 < line.prompt_tokens.expected < 500 * 36


def test_a_score_that_no_rubric_describes_is_not_asked_for(tmp_path: Path) -> None:
    assert planned(read(tmp_path, aim={"scores": [1, 9]}, answers=models(OAK)))["answers", OAK] == 6


def test_together_is_one_question_a_part_and_order(tmp_path: Path) -> None:
    judge = {"judge": "ultrafeedback", "protocol": {"protocol": "listwise", "orders": 2}, "teachers": models(STRONG)}
    recipe = read(tmp_path, answers=models(OAK, PINE, ELM), compare={"pairs": "together"}, judge=judge)
    # Four parts in two orders about each of six tasks.
    assert planned(recipe) == {**{("answers", one): 6 for one in (OAK, PINE, ELM)}, ("judgments", STRONG): 48}
    assert made(recipe, tmp_path / "run") == planned(recipe)
    pairs = read(tmp_path, answers=models(OAK, PINE, ELM), compare={"pairs": "all"}, judge=judge)
    # A question about three answers is longer than one about two.
    each = [estimate(one, tmp_path, sample=0).lines[-1] for one in (recipe, pairs)]
    assert [line.calls.expected for line in each] == [48, 144]
    assert each[0].prompt_tokens.expected / 48 > each[1].prompt_tokens.expected / 144 + 300


def test_tasks_that_models_write_are_reckoned_from_the_plan(tmp_path: Path) -> None:
    """Duplicates ask for more: a guess is what the plan comes to at least."""
    recipe = authored(tmp_path, wanted=3, each=12)
    assert planned(recipe) == {
        # A draft, a paraphrase and two lots of instructions for each rubric, and a reference for each task.
        ("tasks", OAK): 3 * (2 + 2) + 36,
        ("answers", PINE): 36,
        ("judgments", STRONG): 36,
    }
    assert (plan(recipe).tasks, plan(recipe).lost) == (36, 0)
    assert estimate(recipe, tmp_path, sample=0).lines[0].prompt_tokens.expected > 52 * 100


def test_an_author_of_its_own_for_references_has_its_own_line(tmp_path: Path) -> None:
    recipe = authored(tmp_path, wanted=1, each=4, reference=models(ELM)[0])
    assert planned(recipe) == {
        ("tasks", OAK): 3, ("tasks", ELM): 4, ("answers", PINE): 4, ("judgments", STRONG): 4
    }  # fmt: skip
    assert made(recipe, tmp_path / "run") == planned(recipe)


def test_the_limit_counts_for_authors_too(tmp_path: Path) -> None:
    authored(tmp_path, wanted=5, each=4)
    assert planned(read_recipe(tmp_path / "recipe.yaml", 5)) == {
        ("tasks", OAK): 2 * (2 + 1) + 5, ("answers", PINE): 5, ("judgments", STRONG): 5
    }  # fmt: skip


def test_tasks_that_are_not_written_cannot_be_sampled(tmp_path: Path) -> None:
    recipe = authored(tmp_path)
    with pytest.raises(UserError, match=r"tasks that models write cannot be sampled\. `--sample 0` guesses"):
        estimate(recipe, tmp_path / "run", sample=3)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("settings", "calls"), [({}, 6 * 2 + 3), ({"replace": True, "orders": "one"}, 6 + 6)])
def test_a_reference_is_asked_for_once_a_task(tmp_path: Path, settings: dict[str, Any], calls: int) -> None:
    """Three of the six tasks have one; the prompts of the others are longer by the one they get."""
    judge: dict[str, Any] = {"judge": "judgelm", "teachers": models(STRONG)}
    plain = read(tmp_path, judge={**judge, "protocol": "both_orders"})
    tokens = estimate(plain, tmp_path, sample=0).lines[-1].prompt_tokens.expected
    recipe = read(tmp_path, judge={**judge, "protocol": {"protocol": "reference_first", **settings}})
    assert planned(recipe)["judgments", STRONG] == calls
    assert plan(recipe).calls[-1].expected == calls
    more = estimate(recipe, tmp_path, sample=0).lines[-1].prompt_tokens.expected - tokens
    assert more > 3 * 2 * 350 if not settings else more < 0


def test_a_task_that_the_judge_cannot_be_asked_about_costs_no_judgment(tmp_path: Path) -> None:
    recipe = read(tmp_path, judge={"judge": "flow_judge", "teachers": models(STRONG)})
    assert planned(recipe)["judgments", STRONG] == 12
    (tmp_path / "tasks.jsonl").write_text('{"instruction": "Why?"}')
    assert planned(read_recipe(tmp_path / "recipe.yaml")) == {
        ("answers", OAK): 1, ("answers", PINE): 1, ("judgments", STRONG): 0
    }  # fmt: skip


def test_the_stand_ins_have_what_the_seeds_have(tmp_path: Path) -> None:
    source = authored(tmp_path, wanted=1, each=2, reference_words=30).tasks
    assert isinstance(source, Authored)
    rubrics = {getattr(one, "rubric", None) for one in source.sketch()}
    assert len(rubrics) == 1
    assert all(isinstance(rubric, Rubric) and len(rubric.levels) == 5 for rubric in rubrics)
