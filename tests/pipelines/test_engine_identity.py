"""Which of vLLM's own arguments may change between two starts of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefmill.pipelines.recipe import asked_by, differences
from prefmill.pipelines.recipe_reading import read_recipe


def asked(folder: Path, engine: dict[str, Any]) -> dict[str, Any]:
    (folder / "tasks.jsonl").write_text(json.dumps({"id": "a", "instruction": "What is a mill?"}))
    entry = {"provider": "vllm", "model": "org/m", "engine": engine}
    recipe = {
        "name": "own",
        "tasks": {"source": "jsonl", "path": "tasks.jsonl"},
        "answers": [{**entry, "samples": 2}],
        "compare": {"pairs": "all"},
        "judge": {"judge": "judgelm", "protocol": "one_order", "teachers": [entry]},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return asked_by(read_recipe(path))


@pytest.mark.parametrize(
    "engine",
    [
        {"revision": "b"},
        {"quantization_config": {}},
        {"hf_overrides": {"rope_theta": 1}},
        {"override_generation_config": {"top_k": 5}},
        {"an_argument_of_a_later_vllm": 1},
    ],
)
def test_what_may_decide_what_is_said_stays(tmp_path: Path, engine: dict[str, Any]) -> None:
    before, after = asked(tmp_path, {"revision": "a", "max_num_seqs": 8}), asked(tmp_path, engine)
    (name,) = engine
    changed = differences(before, after)
    assert any(line.startswith(f"answers[0].engine.{name}: ") for line in changed)
    assert any(line.startswith(f"judge.teachers[0].engine.{name}: ") for line in changed)


def test_memory_batching_and_the_like_may_change(tmp_path: Path) -> None:
    before = asked(tmp_path, {"revision": "a", "max_num_seqs": 8})
    after = asked(tmp_path, {"revision": "a", "max-num-seqs": 9, "enforce_eager": True, "kv_cache_memory_bytes": 1})
    assert differences(before, after) == []
