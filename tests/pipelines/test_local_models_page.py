"""The recipe of docs/local_models.md is the one in `examples/` and is read without complaint, as is all else on it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from prefmill.generators.hosting.settings import Hosted
from prefmill.generators.providers.vllm import VLLM
from prefmill.pipelines.overview import plan
from prefmill.pipelines.passes import hosted_in_order
from prefmill.pipelines.recipe_reading import read_recipe

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "local_models.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "local_models.yaml"
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_shows_the_example_as_it_stands() -> None:
    assert SNIPPETS[0] == EXAMPLE.read_text(encoding="utf-8")


def test_the_example_is_a_recipe() -> None:
    recipe = read_recipe(EXAMPLE)
    assert [provider.model for provider in hosted_in_order(recipe)] == [
        "Qwen/Qwen2.5-7B-Instruct", "mistralai/Ministral-8B-Instruct-2410", "Qwen/Qwen2.5-32B-Instruct",
    ]  # fmt: skip
    assert all(planned.calls > 0 for planned in plan(recipe).calls)


def test_the_other_entries_are_read_too() -> None:
    entries = yaml.safe_load(SNIPPETS[1])["answers"]
    read = [VLLM.model_validate({key: value for key, value in one.items() if key != "provider"}) for one in entries]
    assert len({entry.engine_key() for entry in read}) == 1, "they share one loaded model, as the page says"
    sampling = yaml.safe_load(SNIPPETS[2])
    assert VLLM.model_validate({"model": "org/m", **sampling}).sampling.body["structured_outputs"] == {
        "choice": ["A", "B", "tie"]
    }


def test_fields_that_the_page_names_are_there() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"vllm", "vllm_server"}
    assert {"max_model_len", "gpus", "adapter", "engine"} <= named
    assert named <= set(Hosted.model_fields)
