"""Conversions: every row is kept, refused or failed, every loss is counted, and nothing is left half-way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import pyarrow.parquet as pq
import pytest

from prefmill.generators.records import read
from prefmill.generators.records.format_files import format_named
from prefmill.generators.records.outputs import Outputs
from prefmill.pipelines.convert import convert
from prefmill.schemas.contents import Content
from prefmill.schemas.errors import CannotCarry, SourceError, UserError
from prefmill.schemas.formats import Format, Record
from prefmill.schemas.formats.judgelm import JudgeLMFormat
from prefmill.schemas.formats.preference import Preference
from prefmill.schemas.plugins import names
from prefmill.schemas.rows import Answer, Example, Grade, Loss, Message, Task

if TYPE_CHECKING:
    import pyarrow as pa

GOLDEN = Path(__file__).parents[1] / "golden"
PAIRS = [Example.model_validate(orjson.loads(line)) for line in (GOLDEN / "pairs.jsonl").read_bytes().splitlines()]
JUDGELM, PREFERENCE = JudgeLMFormat(), Preference()


class Graded(Format):
    """A format of single answers."""

    takes: ClassVar[Any] = "grade"
    files: ClassVar[tuple[str, ...]] = ("graded.jsonl",)
    carries: ClassVar[frozenset[Content]] = frozenset({"grades"})
    loses: ClassVar[tuple[str, ...]] = ()

    def encode(self, example: Example) -> Iterator[tuple[str, Record]]:
        if example.grades[0].score == 3:
            raise CannotCarry("a_three")
        yield "graded.jsonl", {"index": example.index, "score": example.grades[0].score}

    def decode(self, files: Mapping[str, Iterable[Record]]) -> Iterator[Example | Loss]:
        """Skips what it does not know, and begins anew with every record."""
        for record in files["graded.jsonl"]:
            if "score" not in record:
                continue
            task = Task(messages=(Message(role="user", content="?"),))
            answer = Answer(task_id=task.id, model="unknown", text="!")
            grade = Grade(
                answer_id=answer.id,
                task_id=task.id,
                teacher="unknown",
                judge="j",
                score=record["score"],
                feedback="So.",
            )
            yield Example(index=record.get("index", 0), task=task, answers=(answer,), grades=(grade,))

    def features(self) -> Mapping[str, pa.Schema]:
        import pyarrow as pa

        return {"graded.jsonl": pa.schema([("index", pa.int64()), ("score", pa.float64())])}


class Regraded(Graded):
    """The same as another format, with losses."""

    carries: ClassVar[frozenset[Content]] = frozenset({"grades"})


def exported(format: Format, folder: Path, examples: Iterable[Example] = PAIRS) -> Path:
    with Outputs({name: folder / name for name in format.files}, format.features) as out:
        for example in examples:
            try:
                records = list(format.encode(example))
            except CannotCarry:
                continue
            for name, record in records:
                out.write(name, record)
    out.keep()
    return folder


def lines(path: Path, *records: object) -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records))
    return path


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(name="judged", scope="session")
def _judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(JUDGELM, tmp_path_factory.mktemp("judgelm"))


@pytest.fixture(name="pair")
def _pair() -> Record:
    record: Record = orjson.loads((GOLDEN / "preference" / "train.jsonl").read_bytes().splitlines()[0])
    return record


def carried(name: str) -> bool:
    """Whether a format carries any of the golden pairs."""
    format = format_named(name, "")
    for example in PAIRS if format.takes == "comparison" else ():
        with suppress(CannotCarry):
            return bool(list(format.encode(example)))
    return False


CARRYING = [name for name in names("format") if carried(name)]


@pytest.mark.parametrize("name", CARRYING)
def test_every_format_goes_to_parquet_and_comes_back(tmp_path: Path, name: str) -> None:
    format = format_named(name, "")
    first = exported(format, tmp_path / "first")
    written = [name for name in format.files if (first / name).exists()]
    there = convert(format, format, first, tmp_path / "parquet", out_as="parquet")
    back = convert(format, format, tmp_path / "parquet", tmp_path / "back", strict=True)
    assert there.recoded and back.recoded
    assert there.count.as_plain() == back.count.as_plain()
    assert there.count.kept == there.count.entered == sum(there.read.values()) > 0
    assert {path.suffix for path in (tmp_path / "parquet").iterdir()} == {".parquet"}
    for file in written:
        assert list(read(tmp_path / "back" / file)) == list(read(first / file)), file


def test_what_is_lost_between_formats_is_counted(judged: Path, tmp_path: Path) -> None:
    examples = list(JUDGELM.decode({file.name: [r for _, r in read(file)] for file in judged.iterdir()}))  # type: ignore[misc]
    ties = sum(isinstance(one, Example) and one.verdict is not None and one.verdict.winner == "tie" for one in examples)
    done = convert(JUDGELM, PREFERENCE, judged, tmp_path / "out")
    assert done.count.as_plain() == {
        "in": len(examples), "kept": len(examples) - ties, "dropped": {"tie": ties}, "failed": {},
    }  # fmt: skip
    assert ties > 0
    assert sum(done.written.values()) == done.count.kept
    assert done.left_out["order"] == done.left_out["scores"] == done.count.kept
    assert not done.left_out.keys() & PREFERENCE.carries
    assert (done.recoded, done.failed) == (False, None)
    plain = done.as_plain()
    assert orjson.loads(orjson.dumps(plain)) == plain
    assert list(plain["left_out"].values()) == sorted(plain["left_out"].values(), reverse=True)


def test_the_bytes_are_those_of_an_export(judged: Path, tmp_path: Path) -> None:
    convert(JUDGELM, PREFERENCE, judged, tmp_path / "out")
    decoded = JUDGELM.decode({file.name: [r for _, r in read(file)] for file in judged.iterdir()})  # type: ignore[misc]
    direct = exported(PREFERENCE, tmp_path / "direct", (one for one in decoded if isinstance(one, Example)))
    for name in PREFERENCE.files:
        if (direct / name).exists():
            assert (tmp_path / "out" / name).read_bytes() == (direct / name).read_bytes()


@pytest.mark.parametrize("target", ["preference", "preference_text"])
def test_bad_lines_are_written_with_their_own_place_and_reason(tmp_path: Path, pair: Record, target: str) -> None:
    """Blank lines count as lines, and the name is that of the file that was given."""
    mine = lines(tmp_path / "mine.jsonl", pair, b"", b'{"prompt": ', {**pair, "margin": "3"}, pair, [1])
    done = convert(PREFERENCE, format_named(target, ""), mine, tmp_path / "out")
    assert (done.count.entered, done.count.kept, done.count.failed) == (5, 2, {"malformed": 3})
    assert done.failed == tmp_path / "out" / "failed.jsonl"
    lost = [Loss.parse(orjson.loads(line)) for line in done.failed.read_bytes().splitlines()]
    assert [loss.row_id for loss in lost] == ["mine.jsonl:3", "mine.jsonl:4", "mine.jsonl:6"]
    for loss, problem in zip(lost, ("not JSON (", "margin: expected ", "not a JSON object: [1]"), strict=True):
        assert loss.detail.startswith(problem)
        assert (loss.stage, loss.status, loss.reason) == ("decode", "failed", "malformed")


def test_a_broken_line_that_decode_passes_over_is_still_a_loss(tmp_path: Path) -> None:
    mine = lines(
        tmp_path / "g.jsonl", {"index": 4, "score": 1}, b"nonsense", {"index": 2, "score": 3}, {"index": 4, "score": 5}
    )
    done = convert(Graded(), Regraded(), mine, tmp_path / "out.jsonl")
    assert done.count.as_plain() == {"in": 4, "kept": 2, "dropped": {"a_three": 1}, "failed": {"malformed": 1}}
    assert done.failed == tmp_path / "out.jsonl.failed.jsonl"
    assert b"g.jsonl:2" in done.failed.read_bytes()
    assert done.left_out == {"feedback": 2}
    # Indexes that formats make ids of do not meet.
    assert [record["index"] for _, record in read(tmp_path / "out.jsonl")] == [4, 6]  # type: ignore[index]


def test_files_that_do_not_fit_together_are_one_line(judged: Path, tmp_path: Path) -> None:
    folder = exported(JudgeLMFormat(val_share=1), tmp_path / "in")
    (folder / "judgelm_val_references.jsonl").unlink()
    with pytest.raises(SourceError, match=r"judgelm_val_references.jsonl: missing beside"):
        convert(JUDGELM, PREFERENCE, folder, tmp_path / "out")
    folder = exported(JudgeLMFormat(val_share=1), tmp_path / "in")
    val = folder / "judgelm_val.jsonl"
    val.write_bytes(val.read_bytes().replace(b"\n", b"\n\n{\n", 1))
    with pytest.raises(SourceError, match=r"^judgelm_val.jsonl:3: not JSON"):
        convert(JUDGELM, PREFERENCE, folder, tmp_path / "out")
    assert everything(tmp_path) == everything_but(tmp_path, "out")


def test_a_row_is_not_left_out_of_files_that_go_together(tmp_path: Path, pair: Record) -> None:
    folder = exported(JudgeLMFormat(val_share=1), tmp_path / "in")
    val = folder / "judgelm_val.jsonl"
    val.write_bytes(val.read_bytes().replace(b'"question_body":"', b'"question_body":3,"x":"', 1))
    with pytest.raises(SourceError, match=r"^judgelm_val.jsonl:1: .*cannot be left out: judgelm_val_gpt4.jsonl has"):
        convert(JUDGELM, JUDGELM, folder, tmp_path / "out", out_as="parquet")
    assert not (tmp_path / "out").exists()
    lines(tmp_path / "train.jsonl", pair, b"nonsense", pair)
    lines(tmp_path / "test.jsonl", pair)
    assert convert(PREFERENCE, PREFERENCE, tmp_path, tmp_path / "out").count.kept == 3


def everything_but(folder: Path, name: str) -> list[str]:
    return [path for path in everything(folder) if not path.startswith(name)]


def test_columns_that_the_format_does_not_know_are_counted(tmp_path: Path, pair: Record) -> None:
    """Also where both formats are the same: then the file is read as one of another layout."""
    mine = lines(tmp_path / "mine.jsonl", *[{**pair, "difficulty": 3}] * 4)
    for target in ("preference", "preference_text"):
        done = convert(PREFERENCE, format_named(target, ""), mine, tmp_path / target)
        assert (done.recoded, done.other_columns, done.count.kept) == (False, {"difficulty": 4}, 4)


def test_columns_without_a_value_are_counted(tmp_path: Path, pair: Record) -> None:
    three = {key: pair[key] for key in ("prompt", "chosen", "rejected")}
    mine = lines(tmp_path / "mine.jsonl", three, pair, {**pair, "margin": None})
    for out in ("out.parquet", "out.json"):
        done = convert(PREFERENCE, PREFERENCE, mine, tmp_path / out, strict=True)
        assert done.absent == {"margin": 2, "id": 1, "chosen_model": 1, "rejected_model": 1}
    assert pq.read_table(tmp_path / "out.parquet").column("margin").null_count == 2


def test_strict_leaves_nothing(judged: Path, tmp_path: Path, pair: Record) -> None:
    mine = lines(tmp_path / "mine.jsonl", pair, b"nonsense")
    before = everything(tmp_path)
    with pytest.raises(
        UserError, match=r"nothing is written.* --strict .*: refused: tie \d; left out: .*order \d"
    ) as told:
        convert(JUDGELM, PREFERENCE, judged, tmp_path / "deep" / "out", strict=True)
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"malformed: malformed 1$"):
        convert(PREFERENCE, PREFERENCE, mine, tmp_path / "out.parquet", strict=True)
    assert everything(tmp_path) == before
    done = convert(PREFERENCE, PREFERENCE, lines(mine, pair), tmp_path / "out.parquet", strict=True)
    assert done.losses == {}


def test_a_conversion_that_ends_early_leaves_what_was_there(tmp_path: Path, pair: Record) -> None:
    out = lines(tmp_path / "out.json", b"of an earlier time")
    mine = lines(tmp_path / "mine.json", b"[", pair, b",{]")
    before = everything(tmp_path)
    with pytest.raises(SourceError, match=r"mine.json: row 2: not JSON"):
        convert(PREFERENCE, PREFERENCE, mine, out)
    assert (everything(tmp_path), out.read_text()) == (before, "of an earlier time\n")


def test_where_no_row_comes_through_only_the_failures_are_written(tmp_path: Path) -> None:
    mine = lines(tmp_path / "mine.jsonl", b"nonsense")
    done = convert(PREFERENCE, PREFERENCE, mine, tmp_path / "out.parquet")
    assert (done.count.kept, done.written) == (0, {})
    assert everything(tmp_path) == ["mine.jsonl", "out.parquet.failed.jsonl"]
    with pytest.raises(SourceError, match="holds no rows"):
        convert(PREFERENCE, PREFERENCE, lines(mine, b""), tmp_path / "out.parquet")


def test_one_file_of_several_is_the_one_of_its_name_or_the_training_file(tmp_path: Path, pair: Record) -> None:
    for name, expected in (("test.jsonl", "test"), ("mine.jsonl", "train"), ("test.json", "test")):
        mine = tmp_path / name
        lines(mine, b"[", pair, b"]") if name.endswith(".json") else lines(mine, pair)
        convert(PREFERENCE, PREFERENCE, mine, tmp_path / f"to-{name}-folder", out_as="parquet")
        assert everything(tmp_path / f"to-{name}-folder") == [f"{expected}.parquet"]


Setting = Callable[[Path, Record], tuple[Format, Format, str, str, str | None]]


def _setting(text: str, out_as: str | None = None, source: Format = PREFERENCE, target: Format = PREFERENCE) -> Setting:
    given, _, made = text.partition(" > ")

    def prepare(folder: Path, pair: Record) -> tuple[Format, Format, str, str, str | None]:
        lines(folder / "train.jsonl", pair)
        (folder / "two").mkdir()
        (folder / "bare").write_text("x")
        lines(folder / "two" / "train.jsonl", pair)
        (folder / "two" / "train.parquet").write_text("x")
        (folder / "none").mkdir()
        return source, target, given, made, out_as

    return prepare


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (_setting("nowhere > o"), "nowhere: no such file or folder"),
        (_setting("bare > o"), "bare: no such kind of file. Known: .csv"),
        (_setting("none > o"), "none: holds no file of the format preference. Known: train.jsonl, test.jsonl."),
        (_setting("two > o"), "two: holds train.jsonl and train.parquet"),
        (_setting("train.jsonl > train.jsonl"), "train.jsonl: is what would be read"),
        (_setting("train.jsonl > bare"), "bare: is a file, and ends like none of"),
        (_setting("train.jsonl > two", "jsonl"), "two/train.jsonl: lies there already"),
        (_setting("train.jsonl > o", "parket"), "--out-as: Known: .*Did you mean 'parquet'"),
        (_setting("train.jsonl > o.json", "parquet"), "o.json: ends with .json, but --out-as says parquet"),
        (_setting("train.jsonl > bare/o.json"), "bare/o.json: cannot be written"),
        (
            _setting("train.jsonl > o.json", target=Preference(test_share=0.5)),
            "preference has 2 files .*: name a folder",
        ),
        (
            _setting("train.jsonl > o", target=Graded()),
            "preference holds comparisons of answers, test_convert holds grades",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, pair: Record, setting: Setting, message: str) -> None:
    source, target, given, made, out_as = setting(tmp_path, pair)
    before = everything(tmp_path)
    with pytest.raises(UserError, match=message) as told:
        convert(source, target, tmp_path / given, tmp_path / made, out_as=out_as)
    assert "\n" not in str(told.value)
    assert everything(tmp_path) == before


def test_a_file_of_another_name_is_the_one_whose_columns_it_has(tmp_path: Path) -> None:
    row = {"idx": 3, "motivation_app": "x", "cmp_key": "a_b", "instruction": "Why?", "input": "", "response1": "one"}
    votes = {"response2": "two", "annotator1": 1, "annotator2": 1, "annotator3": 2}
    place = tmp_path / "anything.json"
    place.write_text(json.dumps([{**row, **votes}]))
    done = convert(format_named("pandalm", "--from"), format_named("arena", "--to"), place, tmp_path / "out")
    assert done.count.kept == 1
