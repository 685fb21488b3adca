"""The author's prompts, byte by byte, and what its parsers make of good and bad replies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from prefmill.generators.authoring import aimed, instructions, paraphrase, references, rubrics
from prefmill.schemas.errors import Unreadable
from prefmill.schemas.rows import Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

GOLDEN = Path(__file__).parents[2] / "golden" / "authoring"


def _rubric(name: str) -> Rubric:
    levels = tuple(Level(score=score, description=f"{name} at {score}.") for score in (1, 2, 3))
    return Rubric(criteria=f"Has it\n{name}?", levels=levels)


WIT, CARE = _rubric("wit"), _rubric("care")
TASK = Task(
    messages=(Message(role="system", content="Be kind."), Message(role="user", content="Why is {it} so?\nExplain.")),
    reference=Reference(text="Because it is."),
    rubric=WIT,
)
PROMPTS = {
    "rubrics": rubrics.ask([WIT, CARE], 17),
    "paraphrase": paraphrase.ask(WIT),
    "instructions": instructions.ask(WIT, 2),
    "more_instructions": instructions.ask(WIT, 1, ["Tell a joke\nabout rain.", "Cheer me up."]),
    "reference": references.ask(WIT, "Tell a joke."),
    "reference_of_90_words": references.ask(WIT, "Tell a joke.", 90),
    "aimed": aimed.aim(TASK, 2),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_the_golden_one(name: str) -> None:
    (message,) = PROMPTS[name]
    assert message.role == "user"
    assert message.content == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")


READERS: dict[str, Callable[[str], object]] = {
    "rubric": lambda reply: rubrics.read(reply, (1, 2, 3)).model_dump(),
    "paraphrase": lambda reply: paraphrase.read(reply, CARE).model_dump(),
    "instructions": lambda reply: list(instructions.read(reply, 2, ["Say hello."])),
    "reference": references.read,
}
CASES: list[dict[str, Any]] = [orjson.loads(line) for line in (GOLDEN / "replies.jsonl").read_bytes().splitlines()]


def _named(case: dict[str, Any]) -> str:
    return f"{case['form']}: {case.get('why', 'good')}"


@pytest.mark.parametrize("case", [case for case in CASES if "found" in case], ids=_named)
def test_a_good_reply_is_read(case: dict[str, Any]) -> None:
    found = READERS[case["form"]](case["reply"])
    assert orjson.loads(orjson.dumps(found)) == case["found"]


@pytest.mark.parametrize("case", [case for case in CASES if "why" in case], ids=_named)
def test_a_bad_reply_is_refused_with_what_stood_there(case: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as refused:
        READERS[case["form"]](case["reply"])
    assert str(refused.value) == case["why"]


def test_every_form_has_good_and_bad_replies() -> None:
    assert {case["form"] for case in CASES if "found" in case} == set(READERS)
    assert {case["form"] for case in CASES if "why" in case} == set(READERS)


def test_what_is_written_is_read_again() -> None:
    found = rubrics.read(rubrics.written(WIT), (1, 2, 3))
    assert (found.criteria, found.levels) == ("Has it wit?", WIT.levels)
