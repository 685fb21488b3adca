"""What must not change under a run directory, and how a change is told."""

from pathlib import Path

import pytest

from prefmill.pipelines.recipe import Recipe, asked_by, differences, run_dir
from prefmill.pipelines.recipe_reading import read_recipe

SIMULATED = """
name: a
seed: 1
tasks: {source: jsonl, path: tasks.jsonl}
answers:
  - {provider: simulated, model: sim-oak-70b}
  - {provider: simulated, model: sim-pine-7b}
judge:
  judge: judgelm
  teachers: [{provider: simulated, model: sim-teacher-strong}]
"""
REAL = """
name: a
tasks: {source: jsonl, path: tasks.jsonl}
answers:
  - {provider: openai, base_url: http://h/v1, model: m1}
  - {provider: openai, base_url: http://h/v1, model: m2}
judge:
  judge: judgelm
  teachers: [{provider: openai, base_url: http://h/v1, model: t}]
"""


def changed(folder: Path, text: str, *replacements: tuple[str, str]) -> list[str]:
    """What differs in what two recipes ask, the second made from the first by replacing text."""
    new = text
    for old, other in replacements:
        assert old in new
        new = new.replace(old, other, 1)
    return differences(asked_by(read(folder, text)), asked_by(read(folder, new)))


def read(folder: Path, text: str) -> Recipe:
    (folder / "r.yaml").write_text(text)
    return read_recipe(folder / "r.yaml")


MAY_CHANGE = [
    ("name: a\n", "name: b\n"),
    ("name: a\n", "name: a\nfilters: [refusals]\nexports: [judgelm]\n"),
    ("tasks.jsonl}", "tasks.jsonl, limit: 3}"),
    ("model: m1}", "model: m1, max_in_flight: 1, timeout: 5, attempts: 9, price: {input: 1, output: 2}}"),
    ("http://h/v1, model: m1", "http://other:8000/v1, model: m1"),
    ("http://h/v1, model: t", "http://other:8000/v1, model: t"),
    ("judge: judgelm\n", "judge: judgelm\n  retries: 5\n"),
    ("name: a\n", "name: a\nworld: {seed: 3}\n"),
]


@pytest.mark.parametrize("replacement", MAY_CHANGE, ids=str)
def test_what_may_change(tmp_path: Path, replacement: tuple[str, str]) -> None:
    assert changed(tmp_path, REAL, replacement) == []


MUST_NOT = [
    (("seed: 1\n", "seed: 2\n"), "seed: 1 -> 2"),
    (("tasks.jsonl}", "tasks.jsonl, licence: MIT}"), "tasks.licence: nothing -> 'MIT'"),
    (("sim-oak-70b}", "sim-oak-8b}"), "answers[0].model: 'sim-oak-70b' -> 'sim-oak-8b'"),
    (("sim-oak-70b}", "sim-oak-70b, samples: 2}"), "answers[0].samples: 1 -> 2"),
    (
        ("sim-pine-7b}", "sim-pine-7b, sampling: {temperature: 0.5}}"),
        "answers[1].sampling.temperature: nothing -> 0.5",
    ),
    (("  - {provider: simulated, model: sim-pine-7b}\n", "  - {provider: simulated, model: sim-oak-8b}\n"
      "  - {provider: simulated, model: sim-elm-9b}\n"),
     "answers: 2 entries -> 3: without 'sim-pine-7b'; with 'sim-oak-8b', 'sim-elm-9b'"),
    (("judge: judgelm\n", "judge: judgelm\n  reference: never\n"), "judge.reference: 'when_present' -> 'never'"),
    (("judgelm\n", "judgelm\n  protocol: both_orders\n"), "judge.protocol.protocol: 'one_order' -> 'both_orders'"),
    (("teacher-strong}", "teacher-strong, name: t}"), "judge.teachers[0].name: nothing -> 't'"),
    (("name: a\n", "name: a\ncompare: {per_task: 2}\n"), "compare.per_task: 1 -> 2"),
    (("name: a\n", "name: a\nworld: {seed: 3}\n"), "world.seed: 0 -> 3"),
]  # fmt: skip


@pytest.mark.parametrize(("replacement", "expected"), MUST_NOT, ids=lambda value: str(value)[:50])
def test_what_must_not_change(tmp_path: Path, replacement: tuple[str, str], expected: str) -> None:
    assert expected in changed(tmp_path, SIMULATED, replacement)


def test_a_baseline_in_place_of_a_draw_is_one_difference(tmp_path: Path) -> None:
    lines = changed(tmp_path, SIMULATED, ("name: a\n", "name: a\ncompare: {pairs: {baseline: sim-oak-70b}}\n"))
    assert lines == ["compare.pairs: 'random' -> {'baseline': 'sim-oak-70b'}"]


def test_long_values_are_cut() -> None:
    (line,) = differences({"a": "x" * 500}, {"a": "y" * 500})
    assert len(line) < 150


def test_lists_of_one_length_are_compared_entry_by_entry() -> None:
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == ["a[1].b: 2 -> 3"]
    assert differences({"a": [1]}, {"a": [1]}) == []


def test_lists_of_different_lengths_say_which_entries() -> None:
    old, new = [{"filter": "refusals", "longest": 9}, {"filter": "balance"}], [{"filter": "balance"}]
    assert differences({"a": old}, {"a": new}) == ["a: 2 entries -> 1: without 'refusals'"]
    assert differences({"a": new}, {"a": [*new, *new]}) == ["a: 1 entries -> 2: with 'balance'"]


def test_the_directory_is_the_chosen_one_or_the_names(tmp_path: Path) -> None:
    recipe = read(tmp_path, SIMULATED)
    assert run_dir(recipe, None) == Path("runs/a")
    assert run_dir(recipe, tmp_path) == tmp_path
