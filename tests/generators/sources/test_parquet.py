"""Parquet on disk: nested chats, nulls, row groups, bad bytes; and the same tasks as from the other formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefmill.generators.sources import Fields
from prefmill.generators.sources.csv import Csv
from prefmill.generators.sources.jsonl import Jsonl
from prefmill.generators.sources.parquet import BATCH, Parquet
from prefmill.schemas.errors import SourceError
from prefmill.schemas.rows import Loss, Task


def parquet(
    path: Path, columns: dict[str, Any], row_group_size: int | None = None, compression: str = "snappy"
) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size, compression=compression)
    return path


def test_nested_structs(tmp_path: Path) -> None:
    chat = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "?"},
    ]
    path = parquet(
        tmp_path / "a.parquet",
        {
            "id": pa.array([1.0, None]),
            "messages": [chat, chat[:2]],
            "reference": [{"text": "yes", "model": "m"}, {"text": None, "model": None}],
            "rubric": [{"criteria": "c", "levels": {"1": "bad", "2": "good"}}, None],
            "embedding": [[0.5] * 100] * 2,
        },
    )
    first, second = Parquet(path=path).tasks()
    assert isinstance(first, Task) and isinstance(second, Task)
    assert [message.content for message in first.messages] == ["Hi", "Hello", "?"]
    assert [message.content for message in second.messages] == ["Hi"]
    assert first.reference is not None and (first.reference.text, first.reference.model) == ("yes", "m")
    assert second.reference is None and second.rubric is None
    assert first.rubric is not None and [level.score for level in first.rubric.levels] == [1, 2]
    assert (first.source_id, second.source_id, first.source, second.line) == ("1", None, "a.parquet", 2)


def test_rows_are_numbered_over_row_groups_and_batches(tmp_path: Path) -> None:
    count = 2 * BATCH + 100
    path = parquet(tmp_path / "a.parquet", {"instruction": [str(row) for row in range(count)]}, row_group_size=700)
    rows = [row for row in Parquet(path=path).tasks() if isinstance(row, Task)]
    assert [(row.line, row.instruction) for row in rows] == [(row + 1, str(row)) for row in range(count)]


def test_bad_bytes_spoil_only_their_row(tmp_path: Path) -> None:
    text = pa.array([b"one", b"caf\xe9", b"three"], pa.binary()).cast(pa.string(), safe=False)
    first, loss, third = Parquet(path=parquet(tmp_path / "a.parquet", {"instruction": text})).tasks()
    assert isinstance(first, Task) and isinstance(third, Task) and isinstance(loss, Loss)
    assert (loss.row_id, loss.reason) == ("a.parquet:2", "malformed") and loss.detail.startswith("not UTF-8")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("instruction\n")
    parquet(tmp_path / "empty.parquet", {"instruction": pa.array([], pa.string())})
    parquet(tmp_path / "named.parquet", {"Question": ["x"]})
    whole = parquet(tmp_path / "damaged.parquet", {"instruction": ["x" * 50] * 500}, compression="zstd").read_bytes()
    (tmp_path / "damaged.parquet").write_bytes(whole[:10] + b"\xff" * 40 + whole[50:])
    for name, said in {
        "none.parquet": "no such file",
        ".": "is a folder",
        "text.parquet": "text.parquet: not a readable Parquet file",
        "empty.parquet": "holds no rows",
        "named.parquet": r"no column 'instruction' or 'messages'. Known: Question",
        "damaged.parquet": "damaged.parquet: ",
    }.items():
        with pytest.raises(SourceError, match=said) as raised:
            list(Parquet(path=tmp_path / name).tasks())
        assert "\n" not in str(raised.value)


def test_a_renamed_column_must_be_in_the_schema(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", {"instruction": ["x"], "topic": ["t"]})
    with pytest.raises(SourceError, match=r"fields.category: no column 'topics'. .* Did you mean 'topic'\?"):
        list(Parquet(path=path, fields=Fields(category="topics")).tasks())
    [row] = Parquet(path=path, fields=Fields(category="topic")).tasks()
    assert isinstance(row, Task) and row.category == "t"


def test_the_same_content_is_the_same_task_in_every_format(tmp_path: Path) -> None:
    rubric = {"criteria": "Right?", "levels": ["no", "yes"]}
    chat = [{"role": "user", "content": "Hi, you"}]
    records: list[dict[str, Any]] = [
        {"id": 1, "instruction": "Why?\r\nSay.", "input": None, "system": "Be brief.", "messages": None,
         "reference": "so", "rubric": "Right?", "category": "a", "licence": "mit"},
        {"id": 2, "instruction": "Grüße, \"x\"", "input": "in\nput", "system": None, "messages": None,
         "reference": None, "rubric": json.dumps(rubric), "category": None, "licence": None},
        {"id": 3, "instruction": None, "input": None, "system": None, "messages": json.dumps(chat),
         "reference": None, "rubric": None, "category": None, "licence": None},
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    from_jsonl, from_csv, from_parquet = (
        [row.id for row in source.tasks() if isinstance(row, Task)]
        for source in (
            Jsonl(path=tmp_path / "a.jsonl"), Csv(path=tmp_path / "a.csv"), Parquet(path=tmp_path / "a.parquet")
        )
    )  # fmt: skip
    assert len(from_jsonl) == 3
    assert from_jsonl == from_csv == from_parquet
