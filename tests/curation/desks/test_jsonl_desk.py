"""The desk of files: what annotators get, that no text on their page can become markup, and what comes back."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from prefmill.curation.desks import Asked, Batch, Offered, Record, Said
from prefmill.curation.desks._page import as_data
from prefmill.curation.desks.jsonl import Jsonl
from prefmill.schemas.errors import SourceError, UserError
from prefmill.schemas.rows import Message
from prefmill.schemas.rubric import Level, Rubric

NASTY = (
    '</script><script>alert(1)</script><!--<script><img src=x onerror=alert(1)> {{WORK}} {{SCRIPT_HASH}} & \u2028 "\\'
)


def record(annotator: str, number: int, text: str = "yes", **fields: Any) -> Record:  # noqa: ANN401 - record fields
    return Record(
        record_id=f"r{number}",
        annotator=annotator,
        messages=(Message(role="user", content=f"Question {number}? {text}"),),
        a=f"A {text}",
        b=f"B {text}",
        **fields,
    )


def batch(*records: Record) -> Batch:
    return Batch(run="mine", guidelines="Be fair.", records=records)


def offered(given: Batch, folder: Path) -> Offered:
    """What the desk makes of it; it has to tell of every record once."""
    told: list[int] = []
    found = Jsonl().offer(given, folder, told.append)
    assert sum(told) == len(given.records)
    return found


class _Tags(HTMLParser):
    """The tags of a page, what its scripts hold, and every address that it could load something from."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.addresses: list[str] = []
        self.policy = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""
        if tag == "script":
            self.scripts.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[-1] += data


def parsed(path: Path) -> _Tags:
    tags = _Tags()
    tags.feed(path.read_text(encoding="utf-8"))
    return tags


def test_each_annotator_gets_a_file_and_a_page(tmp_path: Path) -> None:
    found = offered(batch(record("bob", 1), record("ann", 2), record("bob", 3, vector=(1.0,))), tmp_path)
    assert found.refused == {}
    assert [Path(path).name for path in found.where] == ["ann.jsonl", "ann.html", "bob.jsonl", "bob.html"]
    lines = [json.loads(line) for line in (tmp_path / "bob.jsonl").read_text().splitlines()]
    assert [line["record_id"] for line in lines] == ["r1", "r3"]
    assert lines[0] == {
        "record_id": "r1", "annotator": "bob", "messages": [{"role": "user", "content": "Question 1? yes"}],
        "a": "A yes", "b": "B yes", "rubric": None, "reference": None, "teacher": None, "guidelines": "Be fair.",
        "certainty": None, "metadata": {}, "asked": {"scale": None, "criteria": []},
    }  # fmt: skip
    work = json.loads(parsed(tmp_path / "bob.html").scripts[0])
    assert (work["run"], work["annotator"], work["guidelines"]) == ("mine", "bob", "Be fair.")
    assert [one["record_id"] for one in work["records"]] == ["r1", "r3"]


def test_texts_stay_texts_and_nothing_is_loaded(tmp_path: Path) -> None:
    rubric = Rubric(criteria=NASTY, levels=(Level(score=1, description=NASTY),))
    offered(batch(record("ann", 1)), tmp_path / "plain")
    odd = record("ann", 1, NASTY, rubric=rubric, reference=NASTY, metadata={NASTY: NASTY})
    offered(Batch(run=NASTY, guidelines=NASTY, asked=Asked(criteria=(NASTY,)), records=(odd,)), tmp_path)
    nasty, plain = parsed(tmp_path / "ann.html"), parsed(tmp_path / "plain" / "ann.html")
    assert nasty.tags == plain.tags
    assert nasty.scripts[1] == plain.scripts[1]
    assert nasty.addresses == []
    assert not re.search(r"https?://|@import|url\(", (tmp_path / "plain" / "ann.html").read_text())
    work = json.loads(nasty.scripts[0])
    (one,) = work["records"]
    assert (work["run"], work["guidelines"], one["reference"]) == (NASTY, NASTY, NASTY)
    assert (one["a"], one["rubric"]["levels"][0]["description"]) == (f"A {NASTY}", NASTY)


def test_only_the_pages_own_script_may_run(tmp_path: Path) -> None:
    offered(batch(record("ann", 1)), tmp_path)
    page = parsed(tmp_path / "ann.html")
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert page.policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    assert "innerHTML =" not in page.scripts[1]
    assert "eval(" not in page.scripts[1]


def test_data_holds_no_sign_that_markup_begins_with() -> None:
    said = as_data({"text": NASTY})
    assert not set("<>&\u2028\u2029") & set(said)
    assert json.loads(said) == {"text": NASTY}


def label(**fields: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps({"record_id": "r1", "annotator": "ann", "choice": "A", **fields})


def collected(tmp_path: Path, text: str) -> list[tuple[str, Said]]:
    path = tmp_path / "mine-ann.jsonl"
    path.write_text(text)
    return list(Jsonl().collect("mine", [path]))


def test_labels_come_back_with_their_places(tmp_path: Path) -> None:
    text = f"{label(seconds=3.5, at=10, comment='so')}\n\n{label(choice=None)}\n"
    first, second = collected(tmp_path, text)
    assert first == (
        f"{tmp_path}/mine-ann.jsonl:1",
        Said(record_id="r1", annotator="ann", choice="A", comment="so", seconds=3.5, at=10),
    )
    assert (second[0][-2:], second[1].choice) == (":3", None)


def test_what_is_asked_besides_is_on_the_page_and_in_the_file(tmp_path: Path) -> None:
    asked = Asked(scale=(0, 4), criteria=("helpful", "honest"))
    offered(Batch(run="mine", guidelines="", asked=asked, records=(record("ann", 1),)), tmp_path)
    plain = {"scale": [0, 4], "criteria": ["helpful", "honest"]}
    assert json.loads(parsed(tmp_path / "ann.html").scripts[0])["asked"] == plain
    line = json.loads((tmp_path / "ann.jsonl").read_text())
    assert line["asked"] == plain
    done = {**line, "choice": "B", "ratings": [0, None], "criteria": {"honest": "tie", "helpful": None}}
    ((_, said),) = collected(tmp_path, json.dumps(done))
    assert (said.ratings, said.criteria) == ((0, None), {"honest": "tie", "helpful": None})


def test_the_handed_out_file_may_come_back_with_choices(tmp_path: Path) -> None:
    offered(batch(record("ann", 1), record("ann", 2)), tmp_path)
    done, open_ = (json.loads(line) for line in (tmp_path / "ann.jsonl").read_text().splitlines())
    ((_, said),) = collected(tmp_path, "\n".join(json.dumps(one) for one in ({**done, "choice": "tie"}, open_)))
    assert (said.record_id, said.choice) == ("r1", "tie")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no", "mine-ann.jsonl:1: not JSON"),
        ("[]", "mine-ann.jsonl:1: a label is a JSON object (got list)"),
        (label(choice="first"), "choice: Input should be 'A', 'B' or 'tie' (got 'first')"),
        (label(choise="A"), "no key 'choise'. Known: annotator, at, choice"),
        ('{"record_id": "r1", "annotator": "ann"}', "choice: missing"),
        ('{"annotator": "ann", "choice": "A"}', "record_id: missing"),
        (label(ratings=[1.5, 2]), "ratings.0: Input should be a valid integer"),
        (label(ratings=[1]), "ratings.1: Field required (got [1])"),
        (label(criteria={"honest": "first"}), "criteria.honest: Input should be 'A', 'B' or 'tie' (got 'first')"),
        (label(seconds=-1), "seconds: Input should be greater than or equal to 0 (got -1)"),
    ],
)
def test_bad_lines_are_told_in_one(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SourceError, match=r"^[^\n]*$") as caught:
        collected(tmp_path, line)
    assert message in str(caught.value)


def test_files_are_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^mine: which files\? "):
        list(Jsonl().collect("mine", []))
    with pytest.raises(SourceError, match=r"none\.jsonl: no labels can be read \(No such file"):
        list(Jsonl().collect("mine", [tmp_path / "none.jsonl"]))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written \(.*\)\. Choose another folder with --out\."):
        offered(batch(record("ann", 1)), tmp_path / "file")
