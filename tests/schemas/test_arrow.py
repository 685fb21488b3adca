"""Rows through Arrow and Parquet and back: the same rows, and the same columns whatever the rows hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from prefmill.schemas.arrow import rows_of, schema_of, table_of
from prefmill.schemas.row import Failure, Row, Usage
from prefmill.schemas.rows import (
    Answer,
    Aspect,
    Comparison,
    Grade,
    Judgment,
    Loss,
    Message,
    Reference,
    Review,
    Task,
    Verdict,
)
from prefmill.schemas.rubric import Level, Rubric
from prefmill.schemas.sampling import Sampling

FAILURE = Failure(kind="unreadable", message="expected two scores, got 'ü ☃ 𝄞'")
USAGE = Usage(prompt_tokens=2**40, completion_tokens=3, calls=2, cost_usd=0.1 + 0.2)
CHAT = (Message(role="system", content=""), Message(role="user", content="a\x00b\r\n𝄞"))
RUBRIC = Rubric(criteria="Is it right?", levels=(Level(score=1, description="no"), Level(score=2, description="")))
SAMPLING = Sampling(
    temperature=0.7, top_k=-1, stop=("\n", "###"), seed=2**53 + 1, extra_body={"a": [1, {"b": None}], "c": 1e-7}
)

FULL_AND_BARE: list[tuple[Row, Row]] = [
    (
        Task(
            source_id="1",
            messages=CHAT,
            category="c",
            licence="MIT",
            reference=Reference(text="r", origin="model", model="m"),
            rubric=RUBRIC,
            source="s",
            line=1,
        ),
        Task(messages=(CHAT[1],)),
    ),
    (
        Answer(
            task_id="t",
            model="m",
            family="f",
            sample=3,
            text="x",
            finish_reason="stop",
            sampling=SAMPLING,
            usage=USAGE,
            origin="openai",
        ),
        Answer(task_id="t", model="m", failure=FAILURE),
    ),
    (
        Comparison(task_id="t", answer_ids=("a", "b", "c"), models=("m", "n", "o")),
        Comparison(task_id="t", answer_ids=("a", "b"), models=()),
    ),
    (
        Judgment(
            comparison_id="c",
            task_id="t",
            teacher="g",
            judge="j",
            shown=(1, 0),
            scores=(8.5, 7),
            rationale="…",
            aspects=(
                Aspect(criterion="clear", scores=(4.5, None), feedback=("ü", "")),
                Aspect(criterion="", scores=()),
            ),
            raw="8.5 7",
            usage=USAGE,
        ),
        Judgment(comparison_id="c", task_id="t", teacher="g", judge="j", shown=(0, 1), failure=FAILURE),
    ),
    (
        Grade(answer_id="a", task_id="t", teacher="g", judge="j", score=4.5, raw="x"),
        Grade(answer_id="a", task_id="t", teacher="g", judge="j", failure=FAILURE),
    ),
    (
        Verdict(
            comparison_id="c",
            task_id="t",
            protocol="p",
            judgment_ids=("j",),
            winner="tie",
            margin=-0.5,
            consistent=False,
            flags=("asked_again",),
            scores=(1.5, 2),
        ),
        Verdict(comparison_id="c", task_id="t", protocol="p", judgment_ids=(), failure=FAILURE),
    ),
    (
        Review(
            comparison_id="c",
            task_id="t",
            verdict_id="v",
            annotator="a",
            winner="first",
            strength=2.5,
            ratings=(4.0, None),
            criteria={"helpful": "tie", "ü": None},
            comment="ü",
            seconds=0.0,
        ),
        Review(comparison_id="c", task_id="t", annotator="b"),
    ),
    (
        Loss(stage="answers", status="dropped", row_id="r", task_id="t", by="f", reason="x", detail="d"),
        Loss(stage="tasks", status="failed", row_id="r", reason="malformed"),
    ),
]
KINDS = [pytest.param(pair, id=type(pair[0]).__name__) for pair in FULL_AND_BARE]


@pytest.mark.parametrize("pair", KINDS)
def test_rows_come_back_the_same_from_parquet(tmp_path: Path, pair: tuple[Row, Row]) -> None:
    kind, rows = type(pair[0]), [*pair, *pair]
    pq.write_table(table_of(kind, rows), tmp_path / "part.parquet")
    back = rows_of(kind, pq.read_table(tmp_path / "part.parquet"))
    assert back == rows
    assert [row.id for row in back] == [row.id for row in rows]


@pytest.mark.parametrize("pair", KINDS)
def test_columns_do_not_depend_on_the_rows(pair: tuple[Row, Row]) -> None:
    """Otherwise one part's column would be text and the next part's null, and nothing could read both."""
    kind = type(pair[0])
    for rows in ([], [pair[0]], [pair[1]], list(pair)):
        assert table_of(kind, rows).schema == schema_of(kind)
    assert schema_of(kind).names == ["id", *kind.model_fields]
    assert rows_of(kind, table_of(kind, [])) == []


def test_types_of_columns() -> None:
    schema = schema_of(Answer)
    assert schema.field("sample").type == pa.int64()
    assert schema.field("text").type == pa.string()
    assert schema.field("usage").type.field("cost_usd").type == pa.float64()
    assert schema.field("sampling").type.field("extra_body").type == pa.string()
    assert schema_of(Judgment).field("scores").type == pa.list_(pa.float64())
    assert schema_of(Task).field("rubric").type.field("levels").type.value_type.field("score").type == pa.int64()


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    records = table_of(*_answers()).to_pylist()
    records[0]["text"] = "changed"
    changed = pa.Table.from_pylist(records, schema=schema_of(Answer))
    with pytest.raises(ValueError, match="does not have the content its id says"):
        rows_of(Answer, changed)


def _answers() -> tuple[type[Row], list[Any]]:
    return Answer, [Answer(task_id="t", model="m", text="x")]


def test_a_field_without_an_arrow_type_is_refused() -> None:
    class Odd(Row):
        identity = ("what",)
        what: complex

    class Holder(BaseModel):
        what: set[int]

    class Nested(Row):
        identity = ("what",)
        what: Holder

    for kind in (Odd, Nested):
        with pytest.raises(TypeError, match="no Arrow type for"):
            schema_of(kind)
