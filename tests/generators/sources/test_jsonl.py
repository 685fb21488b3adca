"""JSON Lines on disk: encodings, gzip, line numbers, columns, and files that are something else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from prefmill.generators.sources import Fields, Source
from prefmill.generators.sources.jsonl import HEAD, Jsonl
from prefmill.schemas.errors import SourceError
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Loss, Task


def lines(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return path


def test_it_is_found_by_name() -> None:
    kind: Any = Source  # An abstract class is no `type[Source]` to mypy.
    assert load(kind, "jsonl") is Jsonl


def test_lines_are_numbered_as_in_the_file_and_blank_ones_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(
        '\ufeff{"instruction": "one"}\r\n\r\n   \n{"instruction": "two"}\nnot json\n{"instruction": "three"}'
    )
    rows = list(Jsonl(path=path).tasks())
    assert [(row.line, row.instruction) for row in rows if isinstance(row, Task)] == [
        (1, "one"),
        (4, "two"),
        (6, "three"),
    ]
    [loss] = [row for row in rows if isinstance(row, Loss)]
    assert (loss.row_id, loss.by, loss.reason) == ("tasks.jsonl:5", "jsonl", "malformed")
    assert loss.detail == "not JSON (Expecting value, column 1): 'not json'"


def test_gzip_is_told_by_its_bytes(tmp_path: Path) -> None:
    plain = lines(tmp_path / "a.jsonl", {"instruction": "Grüße", "id": 1})
    for name in ("a.jsonl.gz", "no-suffix"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
        [row] = Jsonl(path=tmp_path / name).tasks()
        assert row.id == next(Jsonl(path=plain).tasks()).id


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"instruction": "caf\xe9"}', "not UTF-8 (byte 21)"),
        (b'{"instruction": "half', "not JSON (Unterminated string"),
        (b'"text"', "not a JSON object: '\"text\"'"),
        (b"[1, 2]", "not a JSON object: '[1, 2]'"),
        (b"null", "not a JSON object"),
        (b"[" * 100_000, "not JSON (maximum recursion depth"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON (Exceeds the limit"),
        (b'{"instruction": "\\ud83d"}', "instruction is not valid Unicode"),
    ],
)
def test_a_bad_line_is_a_failed_row(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b'{"instruction": "one"}\n' + line + b'\n{"instruction": "two"}\n')
    first, loss, second = Jsonl(path=path).tasks()
    assert isinstance(first, Task) and isinstance(second, Task) and isinstance(loss, Loss)
    assert loss.row_id == "tasks.jsonl:2"
    assert said in loss.detail
    assert len(loss.detail) < 250


def test_nan_as_python_writes_it_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"instruction": "one", "input": NaN}\n')
    [row] = Jsonl(path=path).tasks()
    assert isinstance(row, Task) and row.instruction == "one"


def test_a_json_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_text('\n[{"instruction": "one"},\n{"instruction": "two"}]')
    with pytest.raises(SourceError, match=r"tasks.json: starts with '\[', so it is one JSON document"):
        list(Jsonl(path=path).tasks())


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b'{"instruction": "one"}\n' * 9)[:-9])
    for name, said in {
        "none.jsonl": r"none.jsonl: no such file\.",
        ".": "is a folder, not a file",
        "empty": "empty: holds no rows",
        "cut.gz": "cut.gz: damaged gzip file",
    }.items():
        with pytest.raises(SourceError, match=said) as raised:
            list(Jsonl(path=tmp_path / name).tasks())
        assert "\n" not in str(raised.value)


def test_check_finds_a_missing_file_without_reading(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        Jsonl(path=tmp_path / "none.jsonl").check()
    (tmp_path / "bad").write_text("[")
    Jsonl(path=tmp_path / "bad").check()


def test_at_resolves_against_the_recipes_folder(tmp_path: Path) -> None:
    source = Jsonl(path=Path("data/tasks.jsonl"), limit=3)
    assert source.at(tmp_path) == Jsonl(path=tmp_path / "data" / "tasks.jsonl", limit=3)
    assert source.at(tmp_path).where() == str(tmp_path / "data" / "tasks.jsonl")
    assert source.at(tmp_path).label == "tasks.jsonl"
    absolute = Jsonl(path=tmp_path / "x.jsonl")
    assert absolute.at(Path("/elsewhere")) == absolute


def test_a_renamed_column_that_is_nowhere_is_an_error(tmp_path: Path) -> None:
    path = lines(tmp_path / "tasks.jsonl", {"instruction": "one", "answer": "1"}, {"instruction": "two"})
    with pytest.raises(SourceError) as raised:
        list(Jsonl(path=path, fields=Fields(reference="anwser")).tasks())
    assert str(raised.value).endswith(
        "tasks.jsonl: fields.reference: no column 'anwser'. Known: answer, instruction. Did you mean 'answer'?"
    )


def test_a_renamed_column_may_be_missing_from_some_rows(tmp_path: Path) -> None:
    rows = [{"instruction": str(number)} for number in range(HEAD - 1)]
    path = lines(tmp_path / "tasks.jsonl", *rows, {"instruction": "last", "gold": "x"})
    tasks = [row for row in Jsonl(path=path, fields=Fields(reference="gold")).tasks() if isinstance(row, Task)]
    assert [row.line for row in tasks] == list(range(1, HEAD + 1))
    assert [row.line for row in tasks if row.reference] == [HEAD]


def test_a_file_without_any_question_is_an_error(tmp_path: Path) -> None:
    path = lines(tmp_path / "tasks.jsonl", {"Instruction": "one"})
    with pytest.raises(SourceError, match=r"no column 'instruction' or 'messages'. Known: Instruction. Did you mean"):
        list(Jsonl(path=path).tasks())


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl.gz"
    whole = gzip.compress(b"".join(b'{"instruction": "%d"}\n' % number for number in range(200_000)))
    path.write_bytes(whole[: len(whole) // 2])
    assert len(list(Jsonl(path=path, limit=500).tasks())) == 500
