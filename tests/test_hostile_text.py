"""Texts that break readers, terminals and pages go through everything unharmed, and nothing acts on them."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from prefmill.cli import main
from prefmill.generators.records import read
from prefmill.generators.records.format_files import format_named, found_files
from prefmill.generators.records.intake import Intake
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.formats import Format
from prefmill.schemas.plugins import load, names
from prefmill.schemas.rows import Answer, Example, Judgment, Loss, Task
from prefmill.schemas.visible import visible

from .hostile_run import ANSWERS, HALF, NAMES, TEACHER, TEXTS, teaching, write

pytestmark = pytest.mark.slow

COMPARING = [name for name in names("format") if load(Format, name).takes != "grade"]
WITHOUT_ROWS = {"judgelm_answers", "pandalm", "preference_collection", "rewardbench2", "ultrafeedback"}
"""Formats of what this run does not have: more than two answers, references, rubrics, aspects."""
JUDGED = len(TEXTS) - 1
"""Of one pair both replies hold half a character."""
ASKED = {f"{kind}: {text}"[:60_000] for kind, text in TEXTS.items()}
ANSWERED = {text for answers in ANSWERS for text in answers.values()}


def prefmill(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; nothing in them that a terminal would obey."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    assert isinstance(ended.value.code, int)
    for text in (out.getvalue(), err.getvalue()):
        assert visible(text) == text, arguments
    return ended.value.code, out.getvalue(), err.getvalue()


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recipe, its finished run, and all exports of it."""
    folder = tmp_path_factory.mktemp("hostile")
    with teaching() as base_url:
        recipe = write(folder, base_url)
        assert prefmill("check", recipe)[0] == prefmill("doctor", recipe)[0] == 0
        code, _, complaint = prefmill("run", recipe, "--run-dir", folder / "run")
    assert (code, complaint) == (0, ""), complaint[-3000:]
    for name in COMPARING:
        assert prefmill("export", folder / "run", "--format", name)[0] == 0
    return folder


class _Tags(HTMLParser):
    """Elements of a page, by how often they stand in it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.handlers = False
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.handlers |= any(name.startswith("on") for name, _ in attrs)


def decoded(name: str, place: Path) -> list[Example]:
    """The examples that the format reads; no row is lost."""
    format = format_named(name, "")
    rows = list(format.decode(Intake(format, found_files(format, place)).records()))
    assert not [row for row in rows if isinstance(row, Loss)]
    return [row for row in rows if isinstance(row, Example)]


def unharmed(examples: Iterable[Example]) -> None:
    for example in examples:
        assert example.task.instruction in ASKED, example.task.instruction[:100]
        for answer in example.answers:
            assert answer.text in ANSWERED, str(answer.text)[:100]
            assert answer.model in (*NAMES, "unknown")


def test_rows_hold_the_texts_to_the_letter(folder: Path) -> None:
    place = RunDirectory(folder / "run")
    parts = range(place.parts())
    assert {row.instruction for part in parts for row in place.rows(Task, part)} == ASKED
    answers = [row for part in parts for row in place.rows(Answer, part)]
    assert {row.text for row in answers} == ANSWERED and {row.model for row in answers} == set(NAMES)
    judgments = [row for part in parts for row in place.rows(Judgment, part)]
    assert {row.teacher for row in judgments} == {TEACHER}
    said = {(row.raw or "").partition("\n")[2] for row in judgments if row.failure is None}
    assert said == {text[:1000] for kind, text in TEXTS.items() if kind != "quotes"}


def test_half_a_character_is_a_counted_loss(folder: Path) -> None:
    told = json.loads(prefmill("stats", folder / "run", "--json")[1])
    stages = told["stages"]
    assert stages["tasks"] == {"in": len(TEXTS) + 1, "kept": len(TEXTS), "dropped": {}, "failed": {"malformed": 1}}
    assert stages["judgments"]["failed"] == {"protocol": 2} and stages["verdicts"]["failed"] == {"no_judgment": 1}
    (folder / "answers9.jsonl").write_text(json.dumps({"id": "html", "model": "m", "text": HALF}) + "\n")
    text = (folder / "recipe.yaml").read_text().replace("answers0.jsonl", "answers9.jsonl")
    (folder / "halved.yaml").write_text(text)
    code, _, complaint = prefmill("run", folder / "halved.yaml", "--run-dir", folder / "halved")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "answers9.jsonl:1: not JSON" in complaint


@pytest.mark.parametrize("verb", [("stats",), ("review", "plan"), ("review", "status"), ("export",), ("relabel",)])
def test_terminals_are_shown_and_not_moved(folder: Path, verb: tuple[str, ...]) -> None:
    assert prefmill(*verb, folder / "run")[0] == 0


def test_names_stand_in_tables_as_they_are(folder: Path) -> None:
    said = prefmill("stats", folder / "run")[1]
    whole = re.sub(r"\s+", "", said)
    for name in (*NAMES, TEACHER):
        assert re.sub(r"\s+", "", visible(name)) in whole


@pytest.mark.parametrize("kind", TEXTS)
def test_show_gives_json_that_is_the_text(folder: Path, kind: str) -> None:
    told = json.loads(prefmill("show", folder / "run", kind)[1])
    assert [row["messages"][-1]["content"] for row in told["rows"]] == [f"{kind}: {TEXTS[kind]}"[:60_000]]
    assert {call["model"] for call in told["calls"]} == {TEACHER}


@pytest.mark.parametrize("name", COMPARING)
def test_exports_come_back_to_the_letter_or_are_counted(folder: Path, name: str) -> None:
    count = json.loads(prefmill("export", folder / "run", "--format", name, "--json")[1])[f"export {name}"]
    assert count["in"] == count["kept"] + sum(count["dropped"].values()) == JUDGED
    assert not count["failed"]
    assert (count["kept"] == 0) == (name in WITHOUT_ROWS)
    if count["kept"]:
        examples = decoded(name, folder / "run" / "export" / name)
        assert len(examples) == count["kept"]
        unharmed(examples)


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl.gz", "json"])
@pytest.mark.parametrize("name", sorted(set(COMPARING) - WITHOUT_ROWS))
def test_encodings_give_back_every_record(folder: Path, name: str, kind: str, tmp_path: Path) -> None:
    place = folder / "run" / "export" / name
    same = ("--from", name, "--to", name)
    there = prefmill("convert", place, tmp_path / "there", *same, "--out-as", kind, "--strict", "--json")
    assert there[0] == 0, there[2]
    back = prefmill("convert", tmp_path / "there", tmp_path / "back", *same, "--strict")
    assert back[0] == 0, back[2]
    for path in (tmp_path / "back").iterdir():
        assert records(path, kind) == records(place / path.name, kind)


def records(path: Path, kind: str = "") -> list[object]:
    """What stands in a file; null is an empty text in `.csv`."""
    found = [record for _, record in read(path) if isinstance(record, dict)]
    return [{key: value or "" for key, value in one.items()} if kind == "csv" else one for one in found]


@pytest.mark.parametrize("target", ["judgelm", "preference_text", "arena", "helpsteer3", "unpaired", "rlhflow"])
def test_conversions_carry_texts_or_refuse_them(folder: Path, target: str, tmp_path: Path) -> None:
    place = folder / "run" / "export" / "arena"
    done = prefmill("convert", place, tmp_path / "out", "--from", "arena", "--to", target, "--json")
    told = json.loads(done[1])
    assert told["in"] == told["out"] + sum(told["refused"].values()) == JUDGED and not told["malformed"]
    if told["out"]:
        unharmed(decoded(target, tmp_path / "out"))


def test_csv_cells_are_the_texts_formulas_too(folder: Path, tmp_path: Path) -> None:
    place = folder / "run" / "export" / "preference_text"
    same = ("--from", "preference_text", "--to", "preference_text")
    assert prefmill("convert", place, tmp_path / "out", *same, "--out-as", "csv")[0] == 0
    csv.field_size_limit(2**31 - 1)
    texts = [path.read_bytes().decode() for path in (tmp_path / "out").iterdir()]
    cells = [row for text in texts for row in csv.DictReader(io.StringIO(text, newline=""))]
    said = {cell[key].removeprefix(" ") for cell in cells for key in ("chosen", "rejected")}
    assert said <= ANSWERED
    assert any(text.startswith("=cmd|") or text[1:].startswith(" =cmd|") for text in said)


@pytest.mark.parametrize("name", sorted(set(COMPARING) - WITHOUT_ROWS))
def test_curation_copies_to_the_byte(folder: Path, name: str, tmp_path: Path) -> None:
    place = folder / "run" / "export" / name
    asked = ("--format", name, "--filter", "task_length:max_chars=50000", "--filter", "answer_length:max_chars=100000")
    code, said, _ = prefmill("curate", place, tmp_path / "out", *asked, "--json")
    told = json.loads(said)
    assert code == 0 and sum(told["dropped"].values()) + told["kept"] == told["in"]
    for path in map(Path, told["written"]):
        before = (place / path.name).read_bytes()
        assert all(line.rstrip(b",") in before for line in path.read_bytes().splitlines())
    examples = decoded(name, tmp_path / "out")
    assert len(examples) == told["kept"]
    unharmed(examples)
    if told["dropped"]:
        lost = [orjson.loads(line) for line in (tmp_path / "out" / "dropped.jsonl").read_bytes().splitlines()]
        assert {row["by"] for row in lost} <= {"task_length", "answer_length"}
        assert len(lost) == sum(told["dropped"].values())


def test_curation_of_tasks(folder: Path, tmp_path: Path) -> None:
    asked = ("--tasks", "--filter", "exact_duplicates", "--filter", "near_duplicates", "--json")
    told = json.loads(prefmill("curate", folder / "tasks.jsonl", tmp_path / "out.jsonl", *asked)[1])
    assert told["failed"] == {"malformed": 1}
    lines = (folder / "tasks.jsonl").read_bytes().splitlines()
    assert (tmp_path / "out.jsonl").read_bytes().splitlines() == lines[:-1]


def test_reviewers_get_the_texts_and_a_page_that_runs_nothing_of_them(folder: Path, tmp_path: Path) -> None:
    assert prefmill("review", "plan", folder / "run")[0] == 0
    assert prefmill("review", "push", folder / "run", "--out", tmp_path)[0] == 0
    handed = [orjson.loads(line) for line in (tmp_path / "annotator.jsonl").read_bytes().splitlines()]
    assert len(handed) >= 6
    for record in handed:
        assert len({value for value in record.values() if isinstance(value, str)} & ANSWERED) == 2
    page = _Tags((tmp_path / "annotator.html").read_text(encoding="utf-8"))
    template = resources.files("prefmill.curation.desks").joinpath("_page.html").read_text(encoding="utf-8")
    assert page.tags == _Tags(template).tags and not page.handlers


def test_cards_hold_no_markup_of_others(folder: Path) -> None:
    assert prefmill("publish", folder / "run", folder / "published", "--dry-run")[0] == 0
    for path in (folder / "published" / "README.md", folder / "run" / "export" / "preference" / "README.md"):
        card = path.read_text(encoding="utf-8")
        assert visible(card) == card
        page = _Tags(card)
        assert not page.tags.keys() - {"details", "summary"} and not page.handlers
        assert "](" not in card
        assert visible(TEACHER) in html.unescape(card)
    rows = pq.read_table(folder / "published" / "data" / "preference" / "train.parquet").to_pylist()
    assert {row["chosen"][0]["content"] for row in rows} <= ANSWERED


def test_the_report_runs_nothing_of_them(folder: Path) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    assert prefmill("report", folder / "run")[0] == 0
    markup = (folder / "run" / "report.html").read_text(encoding="utf-8")
    page = _Tags(markup)
    assert not page.tags["img"] and not page.handlers
    assert not any(name in markup for name in NAMES[::2])
