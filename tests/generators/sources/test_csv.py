"""CSV on disk: quoted line breaks, line numbers, delimiters, gzip, bad rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from prefmill.generators.sources import Fields
from prefmill.generators.sources.csv import Csv
from prefmill.schemas.errors import SourceError
from prefmill.schemas.rows import Loss, Task


def csv_file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "tasks.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_quoted_line_breaks_and_line_numbers(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path, 'id,instruction,input\r\n1,"Say ""hi"".\nTwice.",\r\n\r\n2,Add,"1\r\n2\r\n3"\r\n3,"a, b",\r\n'
    )
    rows = [row for row in Csv(path=path).tasks() if isinstance(row, Task)]
    assert [(row.line, row.source_id, row.instruction) for row in rows] == [
        (2, "1", 'Say "hi".\nTwice.'),
        (5, "2", "Add\n\n1\r\n2\r\n3"),
        (8, "3", "a, b"),
    ]
    assert rows[0].source == "tasks.csv"


def test_delimiter_and_gzip(tmp_path: Path) -> None:
    plain = csv_file(tmp_path, "\ufeffid\tinstruction\n1\ta, b\n")
    packed = tmp_path / "tasks.tsv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        [row] = Csv(path=path, delimiter="\t").tasks()
        assert isinstance(row, Task) and (row.source_id, row.instruction) == ("1", "a, b")


def test_a_chat_and_a_rubric_as_json_text(tmp_path: Path) -> None:
    chat = json.dumps([{"from": "human", "value": 'Say "hi"'}]).replace('"', '""')
    rubric = json.dumps({"criteria": "Polite?", "levels": ["no", "yes"]}).replace('"', '""')
    [row] = Csv(path=csv_file(tmp_path, f'messages,rubric\n"{chat}","{rubric}"\n')).tasks()
    assert isinstance(row, Task) and row.instruction == 'Say "hi"'
    assert row.rubric is not None and [level.description for level in row.rubric.levels] == ["no", "yes"]


def test_a_bad_row_spoils_only_itself(tmp_path: Path) -> None:
    path = csv_file(tmp_path, b'id,instruction\n1,one\n2\n3,a,b\n4,\n5,caf\xe9\n6,"x"y\n7,"two\nlines"\n8,last\n')
    rows = list(Csv(path=path).tasks())
    told = [f"{row.row_id} {row.detail}" if isinstance(row, Loss) else row.line for row in rows]
    assert told == [
        2,
        "tasks.csv:3 1 cells where the header has 2: ['2']",
        "tasks.csv:4 3 cells where the header has 2: ['3', 'a', 'b']",
        "tasks.csv:5 no instruction and no messages, or blank ones",
        "tasks.csv:6 not UTF-8: ['5', 'caf\\udce9']",
        "tasks.csv:7 not CSV (',' expected after '\"')",
        8,
        10,
    ]


def test_cells_may_be_long(tmp_path: Path) -> None:
    [row] = Csv(path=csv_file(tmp_path, "instruction\n" + "x" * 1_000_000 + "\n")).tasks()
    assert isinstance(row, Task) and len(row.instruction) == 1_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no rows"),
        ("instruction\n", "holds no rows"),
        ("instruction,id,id\nx,1,2\n", "the header names column 'id' twice"),
        ("id;instruction\n1;one\n", "no column 'instruction' or 'messages'. Known: id;instruction."),
        ('instruction\none\n"two\nthree\n', "tasks.csv:3: a quoted cell that begins in this row is never closed"),
        ('"instruction\none\n', "tasks.csv:1: a quoted cell"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError) as raised:
        list(Csv(path=csv_file(tmp_path, text)).tasks())
    assert said in str(raised.value)


def test_a_renamed_column_must_be_in_the_header(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "question,gold\nx,y\n")
    with pytest.raises(SourceError, match=r"fields.instruction: no column 'qestion'.*Did you mean 'question'\?"):
        list(Csv(path=path, fields=Fields(instruction="qestion")).tasks())
    [row] = Csv(path=path, fields=Fields(instruction="question", reference="gold")).tasks()
    assert isinstance(row, Task) and row.reference is not None
