"""The offline engine as an LLM of distilabel, in distilabel's own tasks: real vLLM, tiny model, CPU."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prefmill.generators.hosting import launcher

from ... import tiny_model
from .loaded_vllm import ENGINE, ENVIRONMENT

if TYPE_CHECKING:
    from prefmill.generators.distilabel_llm import VLLM

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    # Of distilabel's own.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"),
    pytest.mark.filterwarnings("ignore:Importing from:DeprecationWarning"),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


@pytest.fixture(name="llm", scope="module")
def _llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLM]:
    from prefmill.generators.distilabel_llm import VLLM

    model = tiny_model.make_model(tmp_path_factory.mktemp("distilabel") / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        llm = VLLM(model=str(model), settings={"max_model_len": 512, "dtype": "float32", "engine": ENGINE})
        llm.load()
    yield llm
    llm.unload()
    assert not any("offline_process" in line for line in commands())
    llm.event_loop.close()


def commands() -> Iterator[str]:
    for pid, _ in launcher.processes():
        path = Path(f"/proc/{pid}")
        if path.exists():
            yield (path / "cmdline").read_bytes().decode(errors="replace")


def test_a_task_generates(llm: VLLM) -> None:
    from distilabel.steps.tasks import TextGeneration

    llm.generation_kwargs = {"max_new_tokens": 12, "temperature": 1.0}
    task = TextGeneration(name="answers", llm=llm, num_generations=3, group_generations=True)
    task.load()
    rows = [{"instruction": f"Question {number}?"} for number in range(5)]
    (made,) = task.process(rows)
    assert [len(set(row["generation"])) for row in made] == [3] * 5, "a row's generations have different seeds"
    statistics = made[0]["distilabel_metadata"][0]["statistics_answers"]
    assert statistics["output_tokens"] == 12
    assert statistics["input_tokens"] > 5
    again = next(task.process([{"instruction": "Question 0?"}]))
    assert again[0]["generation"] == made[0]["generation"], "and the same ones the next time"


def test_structured_output_of_an_input_and_of_the_llm(llm: VLLM) -> None:
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
    messages = [{"role": "user", "content": "Judge."}]
    (held,) = llm.generate(inputs=[(messages, {"format": "json", "schema": schema})], max_new_tokens=200, seed=1)
    assert "score" in json.loads(held["generations"][0])
    llm.structured_output = {"format": "regex", "schema": "A|B"}
    try:
        outputs = llm.generate(inputs=[messages] * 4, num_generations=2, temperature=1.0)
    finally:
        llm.structured_output = None
    assert {text for output in outputs for text in output["generations"]} <= {"A", "B"}


def test_an_input_that_is_not_taken_has_no_generation(llm: VLLM) -> None:
    long, short = [[{"role": "user", "content": text}] for text in ("word " * 3000, "Short.")]
    outputs = llm.generate(inputs=[long, short], max_new_tokens=4)
    assert outputs[0]["generations"] == [None]
    assert isinstance(outputs[1]["generations"][0], str)
