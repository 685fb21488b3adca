"""A teacher replies in the form that the prompt asks for, and all forms of one opinion agree."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, Field

from prefmill.generators.world.endpoint import Endpoint
from prefmill.generators.world.settings import WorldSettings
from prefmill.generators.world.truth import true_winner

SETTINGS = WorldSettings(seed=24)
PERFECT = "sim-teacher-perfect"
QUESTION = "Which metals rust, and which do not?"


def _ask(model: str, text: str, **parameters: Any) -> str:  # noqa: ANN401 - JSON
    """The reply of a fresh world, so that every question is a first one."""
    endpoint = Endpoint(SETTINGS)
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}], **parameters})
    status, reply = endpoint.reply(endpoint.arrive(body, None))
    assert status == 200, reply
    return str(reply["choices"][0]["message"]["content"])


BETTER, WORSE = _ask("sim-oak-70b", QUESTION), _ask("sim-pine-7b", QUESTION)
THIRD = _ask("sim-elm-9b", QUESTION)
ORDERS = pytest.mark.parametrize(("answers", "winner"), [((BETTER, WORSE), 0), ((WORSE, BETTER), 1)], ids=["AB", "BA"])


def _prompt(answers: tuple[str, ...], instruction: str) -> str:
    parts = [f"[Answer {number}]\n{text}\n" for number, text in enumerate(answers, start=1)]
    return "\n".join([*parts, f"[System]\n{instruction}"])


def test_the_planted_winner_is_clear() -> None:
    assert true_winner(SETTINGS, BETTER, WORSE) == "first"


@ORDERS
def test_judgelm_form(answers: tuple[str, str], winner: int) -> None:
    reply = _ask(PERFECT, _prompt(answers, "Rate the answers from 1 to 10."))
    grades = [int(grade) for grade in reply.partition("\n")[0].split(" ")]
    assert re.match(r"\d+ \d+\n\[simulated\] ", reply)
    assert all(1 <= grade <= 10 for grade in grades)
    assert grades.index(max(grades)) == winner
    assert "Assistant 1" in reply
    assert "Assistant 2" in reply


@ORDERS
def test_mt_bench_form(answers: tuple[str, str], winner: int) -> None:
    reply = _ask(PERFECT, _prompt(answers, 'Say "[[A]]", "[[B]]", or "[[C]]" for a tie.'))
    assert re.findall(r"\[\[(\w)\]\]", reply) == ["AB"[winner]]


def test_a_tie_is_said_only_where_the_prompt_offers_it() -> None:
    copies = (BETTER, BETTER)
    assert _ask(PERFECT, _prompt(copies, "Say [[A]], [[B]] or [[C]].")).endswith("[[C]]")
    assert re.search(r"\[\[[AB]\]\]$", _ask(PERFECT, _prompt(copies, "Say [[A]] or [[B]].")))
    one, other = _ask(PERFECT, _prompt(copies, "Rate them.")).partition("\n")[0].split(" ")
    assert one == other


@ORDERS
def test_prometheus_form_for_two(answers: tuple[str, str], winner: int) -> None:
    reply = _ask(PERFECT, _prompt(answers, "Feedback: (write) [RESULT] (A or B)"))
    assert re.fullmatch(rf"Feedback: \[simulated\] .+ \[RESULT\] {'AB'[winner]}", reply)


def test_prometheus_form_for_one() -> None:
    scores = []
    for answer in (BETTER, WORSE):
        reply = _ask(PERFECT, _prompt((answer,), "Feedback: (write) [RESULT] (an integer between 1 and 5)"))
        found = re.fullmatch(r"Feedback: \[simulated\] .+ \[RESULT\] ([1-5])", reply)
        assert found
        scores.append(int(found[1]))
    assert scores[0] > scores[1]


def test_one_answer_and_many_answers_get_a_grade_each() -> None:
    assert re.match(r"\d+\n\[simulated\] Assistant 1 ", _ask(PERFECT, _prompt((BETTER,), "Rate it.")))
    assert re.search(r"Rating: \[\[\d+\]\]$", _ask(PERFECT, _prompt((BETTER,), 'Say "[[rating]]".')))
    reply = _ask(PERFECT, _prompt((WORSE, THIRD, BETTER), "Rate them."))
    grades = [int(grade) for grade in reply.partition("\n")[0].split(" ")]
    assert len(grades) == 3
    assert max(grades) == grades[2] > grades[0]
    assert all(f"Assistant {number}" in reply for number in (1, 2, 3))


class Inner(BaseModel):
    score: int = Field(ge=1, le=5)
    note: str | None


class Wanted(BaseModel):
    """A schema with the parts that structured output uses: nesting, references, unions, lists, bounds."""

    rationale: str
    assistant_1: Inner
    assistant_2: Inner
    score_a: float = Field(ge=0, le=1)
    score_b: float = Field(ge=0, le=1)
    winner: str
    scores: list[int]


@ORDERS
def test_json_form(answers: tuple[str, str], winner: int) -> None:
    schema = Wanted.model_json_schema()
    schema["properties"]["verdict"] = {"enum": ["A", "B", "tie"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "wanted", "schema": schema}}
    reply = json.loads(_ask(PERFECT, _prompt(answers, "Say [[A]] or [[B]]."), response_format=wanted))
    assert reply.pop("verdict") == "AB"[winner]
    filled = Wanted.model_validate(reply)
    assert filled.winner == "AB"[winner]
    assert filled.rationale.startswith("[simulated] ")
    assert (filled.score_a > filled.score_b) == (winner == 0)
    assert filled.scores.index(max(filled.scores)) == winner
    assert len(filled.scores) == 2


def test_a_copy_made_longer_pleases_a_teacher_with_length_bias_alone() -> None:
    """The slope that probe pairs measure is the planted one: same content, other length as shown."""
    padded = f"{BETTER}\n\n{' '.join(['It rests on the same reasons.'] * 60)}"
    instruction = "Rate the answers from 1 to 10."

    def gap(teacher: str) -> int:
        gaps = []
        for answers in ((padded, BETTER), (BETTER, padded)):
            one, other = map(int, _ask(teacher, _prompt(answers, instruction)).partition("\n")[0].split(" "))
            gaps.append(one - other)
        return gaps[0] - gaps[1]

    assert gap("sim-teacher-cheap-1") > 0
    assert gap(PERFECT) == 0
