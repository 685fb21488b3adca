"""The Feedback-Collection: golden in both directions, and every published parser reads the score that was written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefmill.schemas.contents import contents_of
from prefmill.schemas.errors import CannotCarry
from prefmill.schemas.formats import Record
from prefmill.schemas.formats.feedback_collection import CHAT, COLUMNS, ROWS, FeedbackCollection
from prefmill.schemas.plugins import load
from prefmill.schemas.prometheus_prompt import Version, rubric_text
from prefmill.schemas.row import Failure
from prefmill.schemas.rows import Answer, Example, Grade, Loss, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

from .examples import graded, tasks
from .prometheus_readers import evaluation_score, first_client_score, package_score, sections

GOLDEN = Path(__file__).parents[2] / "golden" / "feedback_collection"
PLAIN = FeedbackCollection()
FULL = FeedbackCollection(chat=True, provenance=True)
"""What the golden files were written with."""
PARSERS = (package_score, evaluation_score, first_client_score)
RUBRIC = Rubric(
    criteria="Is it simple enough for a child?",
    levels=tuple(Level(score=score, description=f"{score} of 5 sentences are.") for score in range(1, 6)),
)


def _example(
    text: str = "Rust is iron that met water.",
    feedback: str = "Short and simple.",
    score: float = 4,
    *,
    question: str = "What is rust?",
    reference: str | None = "Iron and water make rust.",
    rubric: Rubric | None = RUBRIC,
    with_reference: bool | None = None,
    intended: int | None = None,
    index: int = 0,
) -> Example:
    task = Task(
        source_id="seed-7",
        messages=(Message(role="user", content=question),),
        reference=None if reference is None else Reference(text=reference),
        rubric=rubric,
    )
    answer = Answer(task_id=task.id, model="model-a", text=text, finish_reason="stop", intended=intended)
    shown = reference is not None if with_reference is None else with_reference
    grade = Grade(
        answer_id=answer.id, task_id=task.id, teacher="teacher", judge="prometheus_absolute", with_reference=shown,
        score=score, feedback=feedback, raw=f"{feedback} [RESULT] {score:.0f}",
    )  # fmt: skip
    return Example(index=index, task=task, answers=(answer,), grades=(grade,))


EXAMPLES = [
    _example(),
    _example("Es ist FeO(OH), glaub’ ich.", "Feedback: Not for children.\n\nA score of 1 fits. ", 1, index=1),
    _example(
        "  {x}\n", "It would be a 5 in any language.", 5, question="Explain\n\n1. rust\n2. iron", intended=5, index=2
    ),
]


def _files(format: FeedbackCollection, examples: Iterable[Example]) -> dict[str, list[Record]]:
    files: dict[str, list[Record]] = {name: [] for name in format.files}
    for example in examples:
        for name, record in format.encode(example):
            files[name].append(record)
    return files


def _decoded(format: FeedbackCollection, files: dict[str, list[Record]]) -> list[Example]:
    found = list(format.decode(files))
    assert not [loss for loss in found if isinstance(loss, Loss)]
    return [example for example in found if isinstance(example, Example)]


def _refusal(example: Example, **options: Any) -> str:  # noqa: ANN401 - fields of the format
    with pytest.raises(CannotCarry) as refused:
        list(FeedbackCollection(**options).encode(example))
    return refused.value.reason


def test_it_is_found_by_name() -> None:
    assert load(FeedbackCollection, "feedback_collection") is FeedbackCollection


def test_encode_writes_the_golden_files() -> None:
    files = _files(FULL, EXAMPLES)
    assert files[ROWS] == orjson.loads((GOLDEN / ROWS).read_bytes())
    assert b"".join(orjson.dumps(record) + b"\n" for record in files[CHAT]) == (GOLDEN / CHAT).read_bytes()


def test_decode_reads_the_golden_files() -> None:
    decoded = _decoded(FULL, {ROWS: orjson.loads((GOLDEN / ROWS).read_bytes()), CHAT: [{"messages": []}]})
    golden = [Example.parse(orjson.loads(line)) for line in (GOLDEN / "decoded.jsonl").read_bytes().splitlines()]
    assert decoded == golden


def test_rows_of_the_published_set_are_read() -> None:
    (example,) = _decoded(PLAIN, {ROWS: orjson.loads((GOLDEN / "published.json").read_bytes())})
    (answer,), (grade,) = example.answers, example.grades
    assert (answer.model, grade.teacher, grade.score, grade.with_reference) == ("unknown", "unknown", 3.0, True)
    assert grade.feedback.endswith("aligns with Score 3 of the rubric.")
    assert _refusal(example) == "score_in_feedback"


def test_without_options_a_row_has_the_published_columns_and_types() -> None:
    ((name, row),) = PLAIN.encode(_example())
    assert name == ROWS
    assert tuple(row) == COLUMNS
    assert {type(value) for value in row.values()} == {str}
    assert row["instruction"].endswith("###Feedback: ")
    assert (row["output"], row["orig_score"], row["input"]) == ("Short and simple. [RESULT] 4", "4", "")


def test_the_chat_form_has_no_system_role() -> None:
    (_, row), (name, chat) = FeedbackCollection(chat=True).encode(_example())
    assert name == CHAT
    assert [message["role"] for message in chat["messages"]] == ["user", "assistant"]
    assert chat["messages"][0]["content"].endswith(f"set for performance.\n\n{row['instruction']}")
    assert chat["messages"][1]["content"] == row["output"]


@given(
    example=graded(tasks(reference=True, levels=(1, 2, 3, 4, 5)), (1, 2, 3, 4, 5)),
    template=st.sampled_from(["training", "package-0.1.20", "package-dcfb442"]),
    provenance=st.booleans(),
)
def test_what_it_carries_comes_back(example: Example, template: Version, provenance: bool) -> None:
    format = FeedbackCollection(template=template, provenance=provenance, chat=True)
    files = _files(format, [example])
    (again,) = _decoded(format, files)
    assert contents_of(again) >= contents_of(example) & format.carries
    assert again.answers[0].text == example.answers[0].text
    assert again.task.rubric == example.task.rubric
    assert again.task.reference == example.task.reference
    assert [(g.score, g.feedback, g.with_reference) for g in again.grades] == [
        (g.score, g.feedback.strip(), True) for g in example.grades
    ]
    assert _files(format, [again]) == files
    found = sections(files[ROWS][0]["instruction"])
    for key in ("orig_instruction", "orig_response", "orig_reference_answer"):
        assert found[key] == files[ROWS][0][key].strip()
    assert example.task.rubric
    assert found["score_rubric"] == rubric_text(example.task.rubric).strip()


@given(
    example=graded(tasks(levels=(1, 2, 3, 4, 5)), (1, 2, 3, 4, 5)), template=st.sampled_from(["evaluation", "training"])
)
def test_grades_without_a_reference_come_back_where_they_are_wanted(example: Example, template: Version) -> None:
    blind = example.model_copy(
        update={"grades": tuple(grade.model_copy(update={"with_reference": False}) for grade in example.grades)}
    )
    format = FeedbackCollection(template=template, without_reference=True)
    files = _files(format, [blind])
    assert "###Reference" not in files[ROWS][0]["instruction"]
    (again,) = _decoded(format, files)
    assert again.task.reference == example.task.reference
    assert not again.grades[0].with_reference
    assert _files(format, [again]) == files


WORDS = """Score score SCORE ſcore Result result RESULT [RESULT] [Score [Result] [SCORE] Response Feedback: [ ] ( ) :
3 ٣ 5 /5 of A b well"""
PIECES = st.lists(
    st.sampled_from(
        (*WORDS.split(), " ", "\n"),
    ),
    max_size=9,
).map("".join)


@given(feedback=PIECES, score=st.integers(1, 5))
def test_no_parser_takes_anything_in_the_feedback_for_the_score(feedback: str, score: int) -> None:
    try:
        ((_, row),) = PLAIN.encode(_example(feedback=feedback, score=score))
    except CannotCarry:
        return
    assert [parse(row["output"]) for parse in PARSERS] == [str(score)] * 3


@pytest.mark.parametrize(
    "feedback", ["It meets Score 3.", "Score: 3", "score (3)", "Result: 3", "underscore 3", "Score[ 3"]
)
def test_feedback_that_a_parser_would_read_is_refused(feedback: str) -> None:
    assert {parse(f"{feedback} [RESULT] 4") for parse in PARSERS} == {"4", "3"}
    assert _refusal(_example(feedback=feedback)) == "score_in_feedback"


@pytest.mark.parametrize("feedback", ["A score of 3 is due.", "It scores 3.", "The result is 3.", "3/5, as scored"])
def test_feedback_that_no_parser_reads_is_kept(feedback: str) -> None:
    ((_, row),) = PLAIN.encode(_example(feedback=feedback))
    assert row["output"] == f"{feedback} [RESULT] 4"
    assert {parse(row["output"]) for parse in PARSERS} == {"4"}


FOUR = Rubric(criteria="c", levels=RUBRIC.levels[:4])


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("no_rubric", _example(rubric=None)),
        ("rubric_without_levels_1_to_5", _example(rubric=FOUR)),
        ("rubric_without_levels_1_to_5", _example(rubric=Rubric(criteria="c"))),
        ("score_not_1_to_5", _example(score=3.5)),
        ("score_not_1_to_5", _example(score=10)),
        ("score_not_1_to_5", _example(score=0)),
        ("empty_answer", _example(text=" \n")),
        ("no_feedback", _example(feedback=" ")),
        ("no_feedback", _example(feedback="Feedback:")),
        ("no_reference", _example(reference=None)),
        ("no_reference", _example(reference=" ")),
        ("judged_without_reference", _example(with_reference=False)),
        ("result_in_feedback", _example(feedback="I say [RESULT] 4.")),
        ("result_in_feedback", _example(feedback="I say [Score 4].")),
        ("result_in_feedback", _example(feedback="Result: A\nis what I say")),
        ("result_in_feedback", _example(feedback="[Response B] it is")),
        ("section_mark_in_text", _example(text="### Rust\nIt is red.")),
        ("section_mark_in_text", _example(question="### What is rust?")),
        ("section_mark_in_text", _example(reference="### Rust")),
        ("section_mark_in_text", _example(rubric=Rubric(criteria="### c", levels=RUBRIC.levels))),
        ("section_mark_in_text", _example(feedback="### Strengths\nNone.")),
        ("section_title_in_text", _example(question="Task Description: explain rust.")),
        ("section_title_in_text", _example(text="Response to evaluate:\nrust")),
        ("section_title_in_text", _example(reference="Feedback: is what I want.")),
        ("too_long", _example(text="rust " * 4000)),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_reason(reason: str, example: Example) -> None:
    assert _refusal(example) == reason


def test_examples_without_an_answer_or_a_grade_are_refused() -> None:
    example = _example()
    late = Answer(task_id=example.task.id, model="m", failure=Failure(kind="timeout", message="no reply"))
    assert _refusal(example.model_copy(update={"answers": (late,)})) == "failed_answer"
    assert _refusal(example.model_copy(update={"grades": ()})) == "no_grade"
    assert _refusal(_example(), template="evaluation") == "template_shows_no_reference"
    assert _refusal(_example(), max_tokens=300) == "too_long"


def test_a_title_that_no_reader_trips_over_is_allowed() -> None:
    ((_, row),) = PLAIN.encode(_example("Feedback: it is red.", question="Give Feedback: is it red?"))
    found = sections(row["instruction"])
    assert found["orig_response"] == "Feedback: it is red."
    assert found["orig_instruction"] == "Give Feedback: is it red?"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"orig_score": 4}, "orig_score: expected text (got 4)"),
        ({"orig_score": "6"}, "orig_score: no such value (got '6')"),
        ({"orig_score": "3"}, "orig_score: '3' is not what output says (4)"),
        ({"output": "Short and simple."}, "output: expected one [RESULT], got 0"),
        ({"output": "[RESULT] 4"}, "output: expected feedback before [RESULT]"),
        ({"orig_criteria": None}, "orig_criteria: expected text (got None)"),
        ({"orig_score2_description": ["x"]}, "orig_score2_description: expected text (got ['x'])"),
        ({"instruction": 1}, "instruction: expected text (got 1)"),
    ],
)
def test_a_row_that_is_none_is_a_loss_with_file_line_and_key(change: Record, detail: str) -> None:
    ((_, row),) = PLAIN.encode(_example())
    good, loss = PLAIN.decode({ROWS: [row, {**row, **change}]})
    assert isinstance(good, Example)
    assert isinstance(loss, Loss)
    assert loss.row_id == f"{ROWS}:2"
    assert loss.detail.startswith(detail)


@pytest.mark.parametrize("format", [PLAIN, FULL])
def test_records_fit_their_features(format: FeedbackCollection) -> None:
    for name, records in _files(format, EXAMPLES).items():
        schema = format.features()[name]
        assert pa.Table.from_pylist(records, schema=schema).to_pylist() == records
        assert all(list(record) == schema.names for record in records)


def test_provenance_puts_the_grid_together_again() -> None:
    rows = _files(FULL, [*EXAMPLES, _example("Another answer.", score=2)])[ROWS]
    assert [row["instruction_id"] == rows[0]["instruction_id"] for row in rows] == [True, True, False, True]
    assert len({row["rubric_id"] for row in rows}) == 1
    assert {(row["source_id"], row["teacher"], row["model"]) for row in rows} == {("seed-7", "teacher", "model-a")}
    assert [example.answers[0].intended for example in _decoded(FULL, {ROWS: rows})] == [None, None, 5, None]
