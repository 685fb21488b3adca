"""Prometheus' prompts are upstream's to the byte, in every version."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from prefmill.schemas.prometheus_prompt import (
    ABSOLUTE_SYSTEM,
    RELATIVE_SYSTEM,
    Version,
    absolute_prompt,
    absolute_shows_reference,
    relative_prompt,
    relative_shows_reference,
)
from prefmill.schemas.rubric import Level, Rubric

CASES: list[dict[str, Any]] = [
    orjson.loads(line)
    for line in (Path(__file__).parents[1] / "golden" / "prometheus_prompts.jsonl").read_bytes().splitlines()
]
VERSIONS: tuple[Version, ...] = get_args(Version)


def _rubric(case: dict[str, Any]) -> Rubric:
    levels = (Level(score=score, description=text) for score, text in enumerate(case["levels"], start=1))
    return Rubric(criteria=case["criteria"], levels=tuple(levels))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['template']}-{len(case['answers'])}")
def test_prompts_have_upstreams_bytes(case: dict[str, Any]) -> None:
    """Upstream's own templates wrote the golden prompts, for two answers of `training` but for its leading newline."""
    version, question, reference = case["template"], case["question"], case["reference"]
    if len(case["answers"]) == 1:
        assert absolute_prompt(version, question, case["answers"][0], _rubric(case), reference) == case["prompt"]
        assert case["system"] == ABSOLUTE_SYSTEM
    else:
        assert relative_prompt(version, question, case["answers"], case["criteria"], reference) == case["prompt"]
        assert case["system"] == RELATIVE_SYSTEM


def test_every_template_has_a_golden_prompt() -> None:
    held = Counter((case["template"], len(case["answers"]), case["reference"] is not None) for case in CASES)
    shows = {1: absolute_shows_reference, 2: relative_shows_reference}
    assert held == Counter(
        (version, answers, reference)
        for version in VERSIONS
        for answers in (1, 2)
        for reference in (False, True)
        if not reference or shows[answers](version)
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_template_without_a_place_for_a_reference_refuses_one(version: Version) -> None:
    rubric = _rubric(CASES[0])
    if not absolute_shows_reference(version):
        with pytest.raises(ValueError, match="no place for a reference"):
            absolute_prompt(version, "q", "a", rubric, "r")
    if not relative_shows_reference(version):
        with pytest.raises(ValueError, match="no place for a reference"):
            relative_prompt(version, "q", ("a", "b"), "c", "r")


def test_other_rubrics_and_numbers_of_answers_are_refused() -> None:
    rubric = _rubric(CASES[0])
    for levels in (rubric.levels[:4], rubric.levels[::-1], ()):
        with pytest.raises(ValueError, match="levels 1 to 5"):
            absolute_prompt("training", "q", "a", Rubric(criteria="c", levels=levels), None)
    for answers in ((), ("a",), ("a", "b", "c")):
        with pytest.raises(ValueError, match="two responses"):
            relative_prompt("training", "q", answers, "c", None)


def test_braces_in_texts_are_left_alone() -> None:
    prompt = absolute_prompt("training", "{instruction} {0}", "{}", _rubric(CASES[0]), "{reference}")
    assert all(text in prompt for text in ("\n{instruction} {0}\n", "\n{}\n", "\n{reference}\n"))
