"""Filters on plain files: kept records stay what they are, everything else is told with its place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefmill.curation.filters import (
    AnswerFilter,
    AnswerSetFilter,
    ExampleSetFilter,
    Filter,
    Selection,
    TaskFilter,
    TaskSetFilter,
    VerdictFilter,
)
from prefmill.curation.filters.duplicate_answers import DuplicateAnswers
from prefmill.curation.filters.minimum_margin import MinimumMargin
from prefmill.curation.filters.near_duplicates import NearDuplicates
from prefmill.curation.filters.refusals import Refusals
from prefmill.curation.filters.semantic_duplicates import SemanticDuplicates
from prefmill.curation.filters.task_length import TaskLength
from prefmill.generators.records import read
from prefmill.generators.records.format_files import format_named, found_files
from prefmill.generators.records.intake import Intake
from prefmill.pipelines.convert import convert
from prefmill.pipelines.curate import Curation, FormatRows, TaskRows, curate
from prefmill.schemas.errors import SourceError, UserError
from prefmill.schemas.formats import Record
from prefmill.schemas.plugins import names
from prefmill.schemas.rows import Answer, Comparison, Example, Judgment, Task, Verdict

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = [name for name in names("format") if (GOLDEN / name).is_dir()]


class Nth(ExampleSetFilter):
    """Drops the examples of these places, and all that share their keys."""

    places: tuple[int, ...] = ()

    def choose(self, examples: Callable[[], Iterable[Example]]) -> Selection:
        assert [self.key(one) for one in examples()] == [self.key(one) for one in examples()]
        dropped = {self.key(one): f"place {one.index}" for one in examples() if one.index in self.places}
        return Selection(dropped=dropped, told={"seen": sum(1 for _ in examples())})


class Saying(TaskFilter):
    """Drops tasks that hold a word."""

    word: str
    asked: ClassVar[list[str]] = []

    def drop(self, task: Task) -> str | None:
        self.asked.append(task.instruction)
        return f"says {self.word}" if self.word in task.instruction else None


class First(TaskSetFilter):
    """Drops all tasks but the first, of which it looks at no more than two."""

    def choose(self, tasks: Iterable[Task]) -> Selection:
        seen = iter(tasks)
        first, second = next(seen), next(seen)
        return Selection(dropped={second.id: f"comes after {first.id}"}, flagged={first.id: f"before {second.id}"})


class Together(AnswerSetFilter):
    """Drops every answer that another one of its task begins with."""

    def drop(self, task: Task, answers: Sequence[Answer]) -> Mapping[str, str]:
        texts = {answer.id: answer.text or "" for answer in answers}
        return {
            one: f"one of {len(texts)}"
            for one, text in texts.items()
            if any(other != one and found.startswith(text) for other, found in texts.items())
        }


def lines(path: Path, *records: object) -> Path:
    path.write_bytes(b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records))
    return path


def noted(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def pair(question: str, chosen: str, rejected: str, margin: float = 2.0) -> Record:
    return {
        "prompt": [{"role": "user", "content": question}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "margin": margin,
    }


def of_format(name: str, place: Path, out: Path, *filters: Filter) -> Curation:
    return curate(FormatRows(format_named(name, ""), place), filters, place, out)


def of_tasks(place: Path, out: Path, *filters: Filter) -> Curation:
    return curate(TaskRows.at(place), filters, place, out)


def decoded(name: str, place: Path) -> list[tuple[str, ...]]:
    """The content of every example, wherever it stands in its file."""
    format = format_named(name, "")
    rows = format.decode(Intake(format, found_files(format, place)).records())
    return [
        (
            *(m.content for m in row.task.messages),
            *(str(answer.text) for answer in row.answers),
            str([review.winner for review in row.reviews]),
        )
        for row in rows
        if isinstance(row, Example)
    ]


def records(name: str, folder: Path) -> dict[str, list[object]]:
    files = found_files(format_named(name, ""), folder)
    return {path.name: [found for _, found in read(path)] for path in files.values()}


@pytest.mark.parametrize("name", FORMATS)
def test_what_no_filter_objects_to_comes_out_as_it_stood(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = of_format(name, GOLDEN / name, out, TaskLength(max_words=10_000))
    assert done.count.kept == done.count.entered == done.filters[0].kept > 0
    left_out = {Path(path).name for path in done.not_read}
    assert left_out <= {"judgelm_train_materialised.jsonl"}
    before = records(name, GOLDEN / name)
    assert records(name, out) == {file: before[file] for file in before.keys() - left_out}
    for path in out.glob("*.jsonl"):
        assert path.read_bytes() == (GOLDEN / name / path.name).read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_a_dropped_example_goes_with_all_its_records_and_no_other(name: str, tmp_path: Path) -> None:
    before = decoded(name, GOLDEN / name)
    for place in {0, len(before) // 2, len(before) - 1}:
        out = tmp_path / str(place)
        done = of_format(name, GOLDEN / name, out, Nth(places=(place,)))
        gone = done.filters[0].dropped
        assert gone >= 1 and done.count.kept == len(before) - gone
        after = decoded(name, out) if done.count.kept else []
        assert len(after) == len(before) - gone
        assert before[place] not in after or before.count(before[place]) > 1
        left = iter(before)
        assert all(row in left for row in after), "in the same order"
        assert done.filters[0].told == {"seen": len(before)}
        assert len(noted(out / "dropped.jsonl")) == gone


def test_votes_on_one_pair_go_together(tmp_path: Path) -> None:
    done = of_format("arena", GOLDEN / "arena", tmp_path / "out", Nth(places=(0,)))
    (read_,), (written,) = done.read.values(), done.written.values()
    assert done.count.entered == 4 and read_ == 5
    assert read_ - written == 5 - len(noted(tmp_path / "out" / "arena.jsonl")) >= 1


def test_a_row_goes_with_any_of_its_answers(tmp_path: Path) -> None:
    mine = lines(
        tmp_path / "mine.jsonl",
        pair("Why?", "Because.", "I'm sorry, but I can't help with that."),
        pair("How?", "So.", "Thus."),
    )
    done = of_format("preference", mine, tmp_path / "out.jsonl", Refusals())
    assert (tmp_path / "out.jsonl").read_bytes() == mine.read_bytes().splitlines(keepends=True)[1]
    (lost,) = noted(tmp_path / "out.jsonl.dropped.jsonl")
    assert (lost["row_id"], lost["by"], lost["reason"], lost["stage"]) == (
        "mine.jsonl:1", "refusals", "refusals", "answers",
    )  # fmt: skip
    assert lost["detail"].startswith("answer of unknown: refuses: ")
    assert done.count.as_plain() == {"in": 2, "kept": 1, "dropped": {"refusals": 1}, "failed": {}}


def test_filters_act_in_the_order_given_and_each_row_is_asked_about_once(tmp_path: Path) -> None:
    Saying.asked.clear()
    mine = lines(tmp_path / "mine.jsonl", *({"instruction": text} for text in ("a b", "b", "a", "c", "d")))
    done = of_tasks(mine, tmp_path / "out.jsonl", Saying(word="b"), First(), Saying(word="d"))
    assert [(one.entered, one.kept, one.dropped, one.flagged) for one in done.filters] == [
        (5, 3, 2, 0), (3, 2, 1, 1), (2, 1, 1, 0),
    ]  # fmt: skip
    # The filter of all tasks has seen `a` and `c`, and given up; the first filter was asked about the rest once.
    assert sorted(Saying.asked) == sorted(["a b", "b", "a", "c", "d", "a", "d"])
    assert noted(tmp_path / "out.jsonl") == [{"instruction": "a"}]
    lost = {row["row_id"]: row["detail"] for row in noted(tmp_path / "out.jsonl.dropped.jsonl")}
    assert lost == {
        "mine.jsonl:1": "says b", "mine.jsonl:2": "says b",
        "mine.jsonl:4": "comes after mine.jsonl:3", "mine.jsonl:5": "says d",
    }  # fmt: skip
    flag = {"row_id": "mine.jsonl:3", "kind": "task", "by": First.plugin_name(), "detail": "before mine.jsonl:4"}
    assert noted(tmp_path / "out.jsonl.flagged.jsonl") == [flag]


def test_answers_to_one_task_are_seen_together_where_its_rows_follow_each_other(tmp_path: Path) -> None:
    mine = lines(
        tmp_path / "mine.jsonl",
        pair("Why?", "Because of a", "No"),
        pair("Why?", "Because", "Well"),
        pair("How?", "Because", "Hm"),
    )
    of_format("preference", mine, tmp_path / "out.jsonl", Together())
    assert len(noted(tmp_path / "out.jsonl")) == 2
    (lost,) = noted(tmp_path / "out.jsonl.dropped.jsonl")
    assert (lost["row_id"], lost["detail"]) == ("mine.jsonl:2", "answer of unknown: one of 4")


def annotation(one: str, other: str, *models: str) -> Record:
    return {
        "instruction": "Why is the sky blue?",
        "output_1": one, "generator_1": models[0],
        "output_2": other, "generator_2": models[1],
        "preference": 1,
    }  # fmt: skip


A, B, C = "Short waves scatter more.", "The air scatters what is blue.", "Nobody knows for sure why."


def test_an_answer_that_comes_again_in_the_next_row_does_not_repeat_itself(tmp_path: Path) -> None:
    """A file has no numbers of samples: one model's answers are told apart by what they say."""
    mine = lines(tmp_path / "mine.jsonl", annotation(A, B, "m", "m"), annotation(B, C, "m", "m"))
    of_format("alpaca_eval", mine, tmp_path / "out.jsonl", DuplicateAnswers())
    assert (tmp_path / "out.jsonl").read_bytes() == mine.read_bytes()


def test_two_answers_that_say_the_same_go_and_the_row_of_the_other_is_named(tmp_path: Path) -> None:
    mine = lines(
        tmp_path / "mine.jsonl",
        annotation(A, B, "m", "m"),
        annotation(B, C, "m", "m"),
        annotation(C, A + "!", "m", "n"),
        annotation(C, C, "m", "m"),
        annotation(A, C, "m", "m"),
    )
    of_format("alpaca_eval", mine, tmp_path / "out.jsonl", DuplicateAnswers())
    told = {row["row_id"]: row["detail"] for row in noted(tmp_path / "out.jsonl.dropped.jsonl")}
    assert told == {
        "mine.jsonl:3": "answer of n: Jaccard 1.000 with mine.jsonl:1 of m",
        "mine.jsonl:4": "answer of m: Jaccard 1.000 with mine.jsonl:4 of m",
    }


def test_near_duplicates_name_the_line_that_stays(tmp_path: Path) -> None:
    text = "Write a short story about a lighthouse keeper who finds a bottle with a letter in it on the beach"
    mine = lines(
        tmp_path / "mine.jsonl", {"instruction": "Hello there"}, {"instruction": text}, {"instruction": text + "!!"}
    )
    done = of_tasks(mine, tmp_path / "out.jsonl", NearDuplicates())
    (lost,) = noted(tmp_path / "out.jsonl.dropped.jsonl")
    assert (lost["row_id"], lost["detail"]) == ("mine.jsonl:3", "Jaccard 1.000 with mine.jsonl:2")
    assert done.filters[0].told["tasks"] == 3


def test_what_a_filter_flags_is_kept(tmp_path: Path) -> None:
    mine = lines(tmp_path / "mine.jsonl", {"instruction": "Name a red fruit"}, {"instruction": "Name a fruit, red"})
    done = of_tasks(mine, tmp_path / "out.jsonl", SemanticDuplicates())
    assert (done.count.kept, done.filters[0].flagged) == (2, 1)
    (flag,) = noted(tmp_path / "out.jsonl.flagged.jsonl")
    assert flag["row_id"] == "mine.jsonl:2" and flag["detail"].endswith("with mine.jsonl:1")
    assert not (tmp_path / "out.jsonl.dropped.jsonl").exists()


def test_lines_that_are_no_task_or_stood_there_before_are_told(tmp_path: Path) -> None:
    mine = lines(
        tmp_path / "mine.jsonl", {"instruction": "a"}, b"", b"nonsense", {"instruction": "a", "n": 2}, {"n": 1}
    )
    done = of_tasks(mine, tmp_path / "out.jsonl", TaskLength(min_chars=1))
    assert done.count.as_plain() == {"in": 4, "kept": 1, "dropped": {"duplicate": 1}, "failed": {"malformed": 2}}
    assert {row["row_id"]: row["reason"] for row in noted(tmp_path / "out.jsonl.dropped.jsonl")} == {
        "mine.jsonl:3": "malformed", "mine.jsonl:4": "duplicate", "mine.jsonl:5": "malformed",
    }  # fmt: skip


def test_broken_records_of_a_format_are_told_and_not_copied(tmp_path: Path) -> None:
    good = pair("Why?", "Because.", "No.")
    mine = lines(tmp_path / "mine.jsonl", good, b"", b"nonsense", {"prompt": []}, pair("How?", "So.", "Thus."))
    done = of_format("preference", mine, tmp_path / "out.jsonl", MinimumMargin(margin=1))
    assert done.count.as_plain()["failed"] == {"malformed": 2}
    assert [row["row_id"] for row in noted(tmp_path / "out.jsonl.dropped.jsonl")] == ["mine.jsonl:3", "mine.jsonl:4"]
    assert len(noted(tmp_path / "out.jsonl")) == 2


def test_bytes_of_lines_and_rows_stay(tmp_path: Path) -> None:
    odd = b'{ "instruction":"\\u00e4 b" , "n": 1.0e3, "big": 123456789012345678901234567890, "x": NaN}\r\n'
    mine = tmp_path / "mine.jsonl"
    mine.write_bytes(b"\xef\xbb\xbf" + odd + b"\n" + b'{"instruction": "gone"}\n{"instruction":"last"}')
    of_tasks(mine, tmp_path / "out.jsonl", Saying(word="gone"))
    assert (tmp_path / "out.jsonl").read_bytes() == odd + b'{"instruction":"last"}\n'
    of_tasks(mine, tmp_path / "out.jsonl.gz", Saying(word="gone"))
    assert gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()) == (tmp_path / "out.jsonl").read_bytes()
    table = tmp_path / "mine.csv"
    rows = ['instruction,"n"\r\n', '"a\r\nb, ""c""",  1\r\n', "\r\n", "gone,2\r\n", "=cmd(),'3'\n", "last,4"]
    table.write_text("".join(rows), newline="")
    of_tasks(table, tmp_path / "out.csv", Saying(word="gone"))
    assert (tmp_path / "out.csv").read_bytes().decode() == rows[0] + rows[1] + rows[4] + rows[5] + "\r\n"


def test_parquet_keeps_columns_types_and_metadata(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            ("instruction", pa.large_string()),
            ("when", pa.timestamp("us")),
            ("of", pa.dictionary(pa.int8(), pa.string())),
        ],
        metadata={"huggingface": "{}"},
    )
    many = {
        "instruction": [f"task {n}{' gone' if n % 3 == 0 else ''}" for n in range(2100)],
        "when": list(range(2100)),
        "of": ["a", "b"] * 1050,
    }
    table = pa.table(many, schema)
    pq.write_table(table, tmp_path / "mine.parquet", row_group_size=700)
    done = of_tasks(tmp_path / "mine.parquet", tmp_path / "out.parquet", Saying(word="gone"))
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.equals(table.schema, check_metadata=True)
    assert found.to_pylist() == [row for row in table.to_pylist() if "gone" not in row["instruction"]]
    assert done.count.kept == found.num_rows == 1400


def test_a_format_is_read_from_its_csv(tmp_path: Path) -> None:
    """Lists are JSON in a cell; as texts they would be no record of the format."""
    format = format_named("preference", "")
    table = tmp_path / "train.csv"
    convert(format, format, GOLDEN / "preference" / "train.jsonl", table)
    done = of_format("preference", table, tmp_path / "out.csv", TaskLength(min_chars=1))
    assert done.count.kept == done.count.entered == 4
    assert (tmp_path / "out.csv").read_bytes() == table.read_bytes()
    assert decoded("preference", tmp_path / "out.csv") == decoded("preference", GOLDEN / "preference" / "train.jsonl")


def test_a_filter_says_what_it_could_not_look_at(tmp_path: Path) -> None:
    class Lenient(VerdictFilter):
        def drop(self, comparison: Comparison, judgments: tuple[Judgment, ...], verdict: Verdict) -> str | None:
            return None

    done = of_format("mt_bench_human", GOLDEN / "mt_bench_human", tmp_path / "out", Lenient())
    assert 0 < done.filters[0].unasked < done.count.entered


@pytest.mark.parametrize(
    ("name", "filters", "complaint"),
    [
        (None, [Refusals()], "refusals: acts on each answer, and a file of tasks holds no answers."),
        (None, [MinimumMargin()], "minimum_margin: acts on each verdict, and a file of tasks holds no labels."),
        ("feedback_collection", [MinimumMargin()], "a file in feedback_collection holds no verdicts."),
        (None, [], "no filter is named"),
    ],
)
def test_filters_with_nothing_to_act_on_are_refused(
    name: str | None, filters: list[Filter], complaint: str, tmp_path: Path
) -> None:
    mine = lines(tmp_path / "mine.jsonl", {"instruction": "a"})
    place = mine if name is None else GOLDEN / name
    rows = TaskRows.at(mine) if name is None else FormatRows(format_named(name, ""), place)
    with pytest.raises(UserError, match=complaint.replace(".", r"\.")):
        curate(rows, filters, place, tmp_path / "out")


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    mine = lines(tmp_path / "mine.jsonl", {"instruction": "a"})
    keep = TaskLength(min_chars=1)
    with pytest.raises(UserError, match="is what would be read"):
        of_tasks(mine, mine, keep)
    with pytest.raises(UserError, match=r"must end with \.jsonl, as mine\.jsonl does"):
        of_tasks(mine, tmp_path / "out.parquet", keep)
    with pytest.raises(UserError, match="no file of tasks"):
        TaskRows.at(tmp_path / "mine.json")
    folder = tmp_path / "folder"
    folder.mkdir()
    of_tasks(mine, folder, keep)
    assert [path.name for path in folder.iterdir()] == ["mine.jsonl"]
    with pytest.raises(UserError, match="lies there already"):
        of_tasks(mine, folder, keep)
    with pytest.raises(UserError, match="cannot be written"):
        of_tasks(mine, mine / "out.jsonl", keep)


def test_nothing_is_left_where_it_fails(tmp_path: Path) -> None:
    empty = lines(tmp_path / "empty.jsonl")
    with pytest.raises(SourceError, match="holds no rows"):
        of_tasks(empty, tmp_path / "new" / "out.jsonl", TaskLength(min_chars=1))

    class Fails(AnswerFilter):
        def drop(self, task: Task, answer: Answer) -> str | None:
            raise UserError("no such thing")

    mine = lines(tmp_path / "mine.jsonl", b"nonsense", pair("Why?", "Because.", "No."))
    with pytest.raises(UserError, match="no such thing"):
        of_format("preference", mine, tmp_path / "new" / "out.jsonl", Fails())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.jsonl", "mine.jsonl"]


def test_where_nothing_is_kept_only_the_notes_are_written(tmp_path: Path) -> None:
    mine = lines(tmp_path / "mine.jsonl", {"instruction": "gone"})
    out = lines(tmp_path / "out.jsonl", {"instruction": "of an earlier time"})
    done = of_tasks(mine, out, Saying(word="gone"))
    assert (done.count.kept, done.written, out.exists()) == (0, {}, False)
    assert json.loads((tmp_path / "out.jsonl.dropped.jsonl").read_text())["detail"] == "says gone"
