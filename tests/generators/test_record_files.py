"""Files of records: every encoding gives back what was written, and a broken place is a value with its number."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefmill.generators.records import ENDINGS, read
from prefmill.generators.records.blocks import read_batches
from prefmill.generators.records.columns import Columns
from prefmill.generators.records.json_array import read_array
from prefmill.generators.records.outputs import Outputs
from prefmill.generators.records.parquet_rows import ParquetSink
from prefmill.schemas.errors import SourceError, UserError
from prefmill.schemas.formats import Record

CHAT = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("chat", CHAT),
        ("margin", pa.float64()),
        ("turn", pa.int64()),
        ("tie", pa.bool_()),
        ("nothing", pa.null()),
        ("tags", pa.list_(pa.string())),
        ("at", pa.struct([("x", pa.list_(pa.float64()))])),
    ]
)
COLUMNS = Columns(SCHEMA)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MESSAGES = st.none() | st.fixed_dictionaries({"role": st.none() | TEXTS, "content": TEXTS})
RECORDS = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "chat": st.none() | st.lists(MESSAGES, max_size=3),
        "margin": st.none() | NUMBERS,
        "turn": st.none() | st.integers(-(2**63), 2**63 - 1),
        "tie": st.none() | st.booleans(),
        "nothing": st.just({}),
        "tags": st.none() | st.lists(st.none() | TEXTS, max_size=3),
        "at": st.none() | st.fixed_dictionaries({"x": st.none() | st.lists(NUMBERS, max_size=2)}),
    }
)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path, records: Iterable[Record]) -> Path:
    with Outputs({"one": path}, lambda: {"one": SCHEMA}) as out:
        for record in records:
            out.write("one", record)
    out.keep()
    return path


def places(path: Path) -> list[Any]:
    return list(read(path))


@pytest.mark.parametrize("ending", ENDINGS)
@given(records=st.lists(RECORDS, min_size=1, max_size=6))
@QUICK
def test_what_is_written_comes_back(tmp_path: Path, ending: str, records: list[Record]) -> None:
    path = write(tmp_path / f"records{ending}", records)
    assert [found for _, found in COLUMNS.read(path)] == records
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("ending", [".jsonl", ".json"])
@given(text=st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["\u2028", "\\\u2029", "\x85\n", "\v"]))
@QUICK
def test_no_reader_takes_a_character_for_the_end_of_a_line(tmp_path: Path, ending: str, text: str) -> None:
    path = write(tmp_path / f"records{ending}", [dict.fromkeys(SCHEMA.names) | {"id": text}])
    (line,) = (line for line in path.read_text("utf-8").splitlines() if line not in "[]")
    assert json.loads(line)["id"] == text


@given(records=st.lists(RECORDS, max_size=6))
@QUICK
def test_columns_are_what_arrow_makes_of_records(records: list[Record]) -> None:
    plain = [{**record, "nothing": None} for record in records]
    batch = COLUMNS.batch(records)
    batch.validate(full=True)
    assert batch.to_pylist() == plain == pa.Table.from_pylist(plain, schema=SCHEMA).to_pylist()


LINES = {
    b'{"id": "a"}': None,
    b'{"id": "\\u00e9\xc3\xa9", "nothing": {}, "margin": 3}': None,
    b'{"margin": NaN}': None,
    b'  {"id": "a"}\r': None,
    b"": None,
    b'{"id": "a"': "not JSON",
    b'{"id": 1}': r"id: expected text \(got 1\)",
    b'{"margin": "1"}': r"margin: expected double \(got '1'\)",
    b'{"margin": true}': "margin: expected double",
    b'{"turn": 1.5}': "turn: expected int64",
    b'{"turn": 9223372036854775808}': "turn: expected int64",
    b'{"turn": 123456789012345678901}': "64-bit",
    b'{"ID": "a"}': "ID: no such column. Known: ",
    b'{"ID": null}': "ID: no such column. Known: ",
    b'{"chat": [{"role": "user", "text": "x"}]}': "chat.0.text: no such key. Known: content, role.",
    b'{"chat": {}}': "chat: expected a list",
    b'{"chat": ["x"]}': "chat.0: expected an object",
    b'{"nothing": 1}': "nothing: expected null",
    b'{"id": "\\ud800"}': "surrogates",
    b'{"id": "\xff"}': "not UTF-8",
    b'{"id": "a"} {"id": "b"}': "not JSON",
    b'{"id": "a"}{"id": "b"}': "not JSON",
    b"[1]": "not a JSON object",
    b"3": "not a JSON object",
}
"""A line -> what is wrong with it."""


@pytest.mark.parametrize("line", LINES, ids=repr)
@pytest.mark.parametrize("quick", [True, False])
def test_a_bad_line_is_named_and_others_are_read(tmp_path: Path, line: bytes, quick: bool) -> None:
    """By Arrow's block of lines, and by Python's line by line, alike."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "first"}\n\n' + line + b'\n{"id": "last"}')
    records, wrong = [], []
    for found in read_batches(path, COLUMNS) if quick else COLUMNS.read(path):
        if isinstance(found, pa.RecordBatch):
            records += found.to_pylist()
        elif isinstance(found[1], str):
            wrong.append(found)
        else:
            records += COLUMNS.batch([found[1]]).to_pylist()
    assert [records[0]["id"], records[-1]["id"]] == ["first", "last"]
    if (problem := LINES[line]) is None:
        assert (len(records), wrong) == (3 if line else 2, [])
    else:
        (number, told) = wrong[0]
        assert (len(records), len(wrong), number) == (2, 1, 3)
        assert re.search(problem, str(told))


def test_blocks_end_where_lines_end(tmp_path: Path) -> None:
    """Objects over two lines, two on one line, and a bad line in the second block, each with its own number."""
    path = tmp_path / "x.jsonl"
    good = [b'{"id": "%d"}' % number for number in range(40)]
    path.write_bytes(b"\n".join([*good, b'{"id":', b'"x"}', b'{"id": "y"}{"id": "z"}', *good]))
    found = list(read_batches(path, COLUMNS, size=64))
    wrong = [place for place in found if isinstance(place, tuple)]
    assert [number for number, _ in wrong] == [41, 42, 43]
    rows = [row["id"] for batch in found if isinstance(batch, pa.RecordBatch) for row in batch.to_pylist()]
    assert rows == [str(number) for number in range(40)] * 2


def test_an_array_is_read_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(
        b' [ {"a": 0.1, "n": NaN} ,\n 3, {"a": "\\u00e9\xc3\xa9 ]"}, {"a": "\\ud800"}, {"a": "\xff"}, {"b": -1e5} ]\n'
    )
    for size in (1, 2, 3, 7, 1000):
        numbers, found = zip(*read_array(path, size), strict=True)
        assert numbers == (1, 2, 3, 4, 5, 6)
        assert isinstance(found[0]["a"], float) and math.isnan(found[0]["n"])
        assert (found[2], found[5]) == ({"a": "éé ]"}, {"b": -1e5})
        assert found[1] == "not a JSON object: 3"
        assert all(isinstance(found[place], str) and "surrogates" in found[place] for place in (3, 4))
    path.write_bytes(b"[]")
    assert places(path) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b"", "holds nothing"),
        ("x.json", b'{"a": 1}\n{"a": 2}', r"starts with '{'.*`\.jsonl`"),
        ("x.json", b'[{"a": 1} {"a": 2}]', "row 1 is not followed by"),
        ("x.json", b'[{"a": 1}, {"a" 2}, {}]', r"row 2: not JSON \(Expecting ':' delimiter\)"),
        ("x.json", b'[{"a": 1}, {"a": "', "row 2: not JSON"),
        ("x.json", b'[{"a": 1}, ', "row 2: not JSON"),
        ("x.json", b'[{"a": 1}', "row 1 is not followed by"),
        ("x.json", b"[{}] x", "something follows the array, after row 1"),
        ("x.jsonl", b'[{"a": 1}]\n', r"starts with '\['.*`\.json`"),
        ("x.jsonl", b'{\n"a": 1}\n', "starts with '{'"),
        ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n', mtime=0)[:-9], "damaged gzip"),
        ("x.csv", b'a,a\n1,2\n', "names a column twice"),
        ("x.csv", b'a,b\n1,"2\n', "x.csv:2: not CSV, or a quoted cell is never closed"),
        ("x.parquet", b"PAR1", "not a readable Parquet file"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        places(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_other_endings_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x.txt: no such kind of file. Known: .csv, .json, .jsonl, "):
        read(tmp_path / "x.txt")
    with pytest.raises(SourceError, match="no such file"):
        read(tmp_path / "x.json")


def test_rows_of_csv_have_the_line_at_which_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n1,"two\nlines"\n\n3\n"4"x,5\n\xff,6\n7,\n')
    found = dict(places(path))
    assert (found[2], found[8]) == ({"a": "1", "b": "two\nlines"}, {"a": "7", "b": ""})
    assert [found[5], *(found[line].partition(" (")[0].partition(":")[0] for line in (6, 7))] == [
        "1 cells where the header has 2: ['3']", "not CSV", "not UTF-8",
    ]  # fmt: skip


def test_cells_that_their_column_does_not_take_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('id,turn,tie,tags\n7,2,,"[""a""]"\n,x,,\n,,1,\n')
    first, *others = [found for _, found in COLUMNS.read(path)]
    assert first == {"id": "7", "turn": 2, "tie": None, "tags": ["a"]}
    assert others == ["turn: expected int64 (got 'x')", "tie: expected bool (got 1)"]


def test_row_groups_hold_many_rows_and_are_compressed(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path / "x.parquet", SCHEMA, group_rows=2048)
    for number in range(5000):
        sink.write({"id": str(number)})
    sink.close()
    metadata = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [2048, 2048, 904]
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    with pytest.raises(KeyError, match="other"):
        write(tmp_path / "y.parquet", [{"id": "1", "other": 2}])


def test_the_same_records_are_the_same_bytes_when_compressed(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name, [{"id": "1"}]).read_bytes() for name in ("a.jsonl.gz", "b.jsonl.gz"))
    assert first == second


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    old = write(tmp_path / "old.jsonl", [{"id": "old"}])
    deep = tmp_path / "deep" / "down"
    places = {"old": old, "new": deep / "new.json", "none": tmp_path / "none.csv"}
    (tmp_path / "none.csv").write_text("of an earlier time")
    with pytest.raises(ZeroDivisionError), Outputs(places, dict) as out:
        out.write("old", {"id": "new"})
        out.write("new", {"id": "new"})
        assert old.read_text() == '{"id":"old"}\n'
        raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["none.csv", "old.jsonl"]
    with Outputs(places, dict) as out:
        out.write("new", {"id": "new"})
        out.write("old", {"id": "new"})
    out.keep()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "down", "new.json", "old.jsonl"]
    assert old.read_text() == '{"id":"new"}\n'
    assert out.rows == {"old": 1, "new": 1, "none": 0}
