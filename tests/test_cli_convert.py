"""`prefmill convert` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefmill.cli import main

GOLDEN = Path(__file__).parent / "golden"
Ended = tuple[int, str, str]


def prefmill(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["convert", *map(str, arguments)])
    said = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, said.out, said.err


def test_it_counts_what_goes_in_comes_out_and_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formats = ("--from", "judgelm", "--to", "preference")
    code, table, complaint = prefmill(capsys, *formats, GOLDEN / "judgelm", tmp_path / "out")
    assert (code, complaint) == (0, "")
    rows = [line.split(maxsplit=2) for line in table.splitlines()]
    assert ["in", "7", "examples of judgelm"] in [[cell.strip() for cell in row] for row in rows]
    assert ["out", "6", "examples in preference"] in [[cell.strip() for cell in row] for row in rows]
    assert "refused" in table and "left out" in table
    code, said, _ = prefmill(capsys, *formats, GOLDEN / "judgelm", tmp_path / "again", "--json")
    told = json.loads(said)
    assert (code, told["in"], told["out"], told["refused"]) == (0, 7, 6, {"tie": 1})
    assert told["left_out"]["order"] == 6
    assert sum(told["written"].values()) == 6
    for path in map(Path, told["written"]):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_bad_rows_are_told_and_the_others_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_bytes((GOLDEN / "preference" / "train.jsonl").read_bytes() + b"nonsense\n")
    same = ("--from", "preference", "--to", "preference")
    code, table, _ = prefmill(capsys, *same, mine, tmp_path / "out.parquet")
    assert code == 0
    assert f"wrote {tmp_path}/out.parquet (4 records)" in table
    assert f"wrote {tmp_path}/out.parquet.failed.jsonl" in table
    code, _, complaint = prefmill(capsys, *same, mine, tmp_path / "strict.parquet", "--strict")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "malformed 1" in complaint
    assert not list(tmp_path.glob("strict*"))


def test_a_conversion_without_a_row_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_text("nonsense\n")
    code, table, complaint = prefmill(capsys, "--from", "preference", "--to", "judgelm", mine, tmp_path / "out")
    assert (code, complaint) == (2, f"{tmp_path}/out: no row came through\n")
    assert "malformed" in table
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["failed.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--from", "prefernce", "--to", "judgelm"),
            "no format named 'prefernce'. Known: .*Did you mean 'preference'?",
        ),
        (("--from", "preference", "--to", "judgeml"), "Did you mean 'judgelm'?"),
        (("--from", "preference", "--to", "judgelm", "--out-as", "xml"), "--out-as: Known: csv, json,"),
    ],
)
def test_what_is_unknown_is_answered_with_what_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, out, complaint = prefmill(capsys, *arguments, GOLDEN / "preference", tmp_path / "out")
    assert (code, out, complaint.count("\n")) == (2, "", 1)
    for part in message.split(".*"):
        assert part in complaint
    assert not (tmp_path / "out").exists()
