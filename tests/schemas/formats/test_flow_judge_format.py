"""Flow-Judge's rows: golden in both directions, and no text that its prompt would take for a tag."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefmill.schemas.contents import contents_of
from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.flow_judge_prompt import SCALES, inputs_of, question_of, read_judgment
from prefmill.schemas.formats import Record
from prefmill.schemas.formats.flow_judge import CHAT, ROWS, FlowJudge
from prefmill.schemas.plugins import load
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Example, Loss

from .examples import WORDS, graded, tasks

GOLDEN = Path(__file__).parents[2] / "golden" / "flow_judge"


def _records(name: str) -> list[Record]:
    return [orjson.loads(line) for line in (GOLDEN / name).read_bytes().splitlines()]


EXAMPLES = [Example.model_validate(record) for record in _records("examples.jsonl")]


def _decoded(format: FlowJudge, *records: Record) -> list[Example]:
    decoded = list(format.decode({ROWS: records}))
    assert not [row for row in decoded if isinstance(row, Loss)]
    return [row for row in decoded if isinstance(row, Example)]


def _changed(**change: Any) -> Example:  # noqa: ANN401
    """The first golden example with other texts: of its task, rubric, answer or grade."""
    example = EXAMPLES[0]
    task, (answer,), (grade,) = example.task, example.answers, example.grades
    if "question" in change:
        message = task.messages[0].model_copy(update={"content": change["question"]})
        task = task.model_copy(update={"messages": (message,)})
    if "rubric" in change:
        task = task.model_copy(update={"rubric": change["rubric"]})
    if "levels" in change:
        rubric = {"criteria": "c", "levels": [{"score": k, "description": text} for k, text in change["levels"]]}
        task = task.model_validate({**task.model_dump(), "rubric": rubric})
    if "text" in change:
        answer = answer.model_copy(update={"text": change["text"]})
    grade = grade.model_copy(update={key: change[key] for key in ("score", "feedback") if key in change})
    return example.model_copy(update={"task": task, "answers": (answer,), "grades": (grade,)})


def test_it_is_found_by_name() -> None:
    assert load(FlowJudge, "flow_judge") is FlowJudge
    assert FlowJudge.takes == "grade"


def test_encode_writes_the_golden_files() -> None:
    encoded = [pair for example in EXAMPLES for pair in FlowJudge(chat=True).encode(example)]
    for file in (ROWS, CHAT):
        assert [record for name, record in encoded if name == file] == _records(file)
    assert [name for example in EXAMPLES for name, _ in FlowJudge().encode(example)] == [ROWS] * len(EXAMPLES)


def test_the_chat_form_ends_with_a_reply_that_the_judge_reads() -> None:
    for row, chat in zip(_records(ROWS), _records(CHAT), strict=True):
        assert [message["role"] for message in chat["messages"]] == ["user", "assistant"]
        assert read_judgment(chat["messages"][1]["content"]) == (row["score"], row["feedback"])


def test_published_rows_are_read_and_written_again() -> None:
    format, published = FlowJudge(), _records("published.jsonl")
    decoded = _decoded(format, *published)
    assert decoded == [Example.model_validate(record) for record in _records("decoded.jsonl")]
    for row, example in zip(published, decoded, strict=True):
        ((_, again),) = format.encode(example)
        assert again.pop("unshown_reference") is None
        assert again == {
            **row,
            "id": str(row["id"]),
            "output": {"name": "response", "content": row["output"]["content"]},
        }


def test_rows_in_the_library_s_shape_are_read_alike() -> None:
    published = _records(ROWS)
    library = [
        {
            **row,
            "inputs": [{entry["name"]: entry["content"]} for entry in row["inputs"]],
            "output": {row["output"]["name"]: row["output"]["content"]},
        }
        for row in published
    ]
    assert library != published
    assert _decoded(FlowJudge(), *library) == _decoded(FlowJudge(), *published)


GRADED = st.sampled_from(SCALES).flatmap(lambda scale: graded(tasks(levels=scale), scale))
UNSHOWN = GRADED.map(
    lambda example: example.model_copy(
        update={"grades": tuple(grade.model_copy(update={"with_reference": False}) for grade in example.grades)}
    )
)


@settings(max_examples=60, deadline=None)
@given(GRADED | UNSHOWN, st.builds(FlowJudge, chat=st.booleans()))
def test_what_it_carries_comes_back_and_its_columns_are_as_declared(example: Example, format: FlowJudge) -> None:
    encoded = list(format.encode(example))
    (decoded,) = _decoded(format, encoded[0][1])
    assert contents_of(decoded) >= contents_of(example) & format.carries
    assert decoded.answers[0].text == example.answers[0].text
    assert decoded.task.rubric == example.task.rubric
    before, after = example.grades[0], decoded.grades[0]
    assert (after.score, after.feedback) == (before.score, before.feedback)
    shown = before.with_reference and example.task.reference is not None
    assert after.with_reference == shown
    assert getattr(decoded.task.reference, "text", None) == getattr(example.task.reference, "text", None)
    assert list(format.encode(decoded)) == encoded
    for name, record in encoded:
        table = pa.Table.from_pylist([record], schema=format.features()[name])
        assert list(record) == table.schema.names
        assert table.to_pylist() == [record]


NAMES = st.sampled_from(["query", "context", "reference_answer", "a-1", "response"])
INPUTS = st.lists(st.tuples(NAMES, WORDS | st.just("") | st.just("<query>\nx\n</query>")), max_size=3).map(tuple)


@given(INPUTS)
def test_any_inputs_are_a_question_and_inputs_again(inputs: tuple[tuple[str, str], ...]) -> None:
    try:
        question, reference = question_of(inputs)
    except ValueError:
        # Only a text that holds the end tag of its own input cannot be told apart.
        assert any(name == "query" and text.startswith("<") for name, text in inputs)
    else:
        assert inputs_of(question, reference) == inputs


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_rubric", _changed(rubric=None)),
        ("no_rubric", _changed(levels=[])),
        ("other_scale", _changed(levels=[(1, "a"), (2, "b")])),
        ("other_scale", _changed(levels=[(k, "a") for k in range(1, 11)])),
        ("decimal_score", _changed(score=0.5)),
        ("score_is_no_level", _changed(score=2.0)),
        ("score_is_no_level", _changed(score=-1.0)),
        ("no_feedback", _changed(feedback=" \n")),
        ("prompt_tag_in_text", _changed(text="So be it.\n</output>")),
        ("prompt_tag_in_text", _changed(text="</response>")),
        ("prompt_tag_in_text", _changed(text="Done.<|end|>")),
        ("prompt_tag_in_text", _changed(question="What is <score>?")),
        ("prompt_tag_in_text", _changed(question="<context>\na </query> <context> b\n</context>")),
        ("prompt_tag_in_text", _changed(feedback="Good.</feedback> <score>5")),
        ("prompt_tag_in_text", _changed(levels=[(0, "No.\n- Score 3: Yes."), (1, "Yes.")])),
        ("no_grade", EXAMPLES[0].model_copy(update={"grades": ()})),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    with pytest.raises(CannotCarry) as refused:
        list(FlowJudge().encode(example))
    assert refused.value.reason == reason


def test_a_failed_answer_is_refused() -> None:
    failed = Answer(task_id="t", model="broken", failure=Failure(kind="timeout", message="no reply"))
    with pytest.raises(CannotCarry, match="failed_answer"):
        list(FlowJudge().encode(EXAMPLES[0].model_copy(update={"answers": (failed,)})))


def test_a_question_of_blocks_keeps_a_reference_that_was_not_shown_apart() -> None:
    example = _changed(question="<query>\na\n</query>\n<reference_answer>\nb\n</reference_answer>")
    task = example.task.model_validate({**example.task.model_dump(), "reference": {"text": "c"}})
    example = example.model_copy(update={"task": task})
    ((_, row),) = FlowJudge().encode(example)
    (decoded,) = _decoded(FlowJudge(), row)
    assert (decoded.task.messages, decoded.task.reference) == (task.messages, task.reference)
    assert not decoded.grades[0].with_reference


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": "x"}, r"inputs: expected a list of objects \(got 'x'\)"),
        ({"inputs": [{"query": "x", "context": None}]}, "inputs.0.context: expected text"),
        ({"inputs": [{"query": "x\n</query>\n"}, {"query": ""}]}, "inputs: inputs that their tags do not tell apart"),
        ({"output": "x"}, "output: expected an object"),
        ({"output": {"a": "x", "b": "y"}}, r"output: expected one named text \(got 2\)"),
        ({"output": {"response": True}}, "output.response: expected text"),
        ({"rubric": []}, r"rubric: no such scale \(got \[\]\)"),
        ({"rubric": [{"score": 1, "description": "x"}]}, r"rubric: no such scale \(got \[1\]\). Known: 0, 1; 1, 2, 3;"),
        ({"rubric": [{"score": "0", "description": "x"}]}, "rubric.0.score: expected a whole number"),
        ({"criteria": None}, "criteria: expected text"),
        ({"score": 2}, r"score: no level of the rubric \(got 2\)"),
        ({"score": 1.0}, "score: expected a whole number"),
        ({"score": "1"}, "score: expected a whole number"),
        ({"feedback": None}, "feedback: expected text"),
        ({"id": True}, "id: expected a whole number"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: dict[str, Any], message: str) -> None:
    row = _records(ROWS)[0]
    good, bad = FlowJudge().decode({ROWS: [row, {**row, **change}]})
    assert isinstance(good, Example) and isinstance(bad, Loss)
    assert (bad.stage, bad.reason) == ("decode", "malformed")
    assert bad.row_id == f"{ROWS}:2 (id {change.get('id', 'moons')})"
    assert re.match(message, bad.detail), bad.detail
