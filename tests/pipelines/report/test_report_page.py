"""The page as a file: what its policy lets run, that texts stay texts, and that every chart has its table."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from prefmill.pipelines.report.figures import figures
from prefmill.pipelines.report.page import Section, page
from prefmill.pipelines.report.sections import sections
from prefmill.pipelines.report.written import shown
from prefmill.pipelines.rundir import RunDirectory

from .handmade import handmade
from .hostile import MODEL, hostile_figures

pytestmark = pytest.mark.slow  # The charts' library is put together anew in each process.


class _Read(HTMLParser):
    """Elements of a page, its texts, and the contents of its scripts and styles."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.data: dict[str, object] = {}
        self.text = ""
        self._open, self._id = "", ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._open = tag
        self._id = dict(attrs).get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script" and self._id:
            self.data[self._id] = json.loads(data)
        elif self._open in self.inside:
            self.inside[self._open].append(data)
        else:
            self.text += data


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@pytest.fixture(name="hostile", scope="module")
def _hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = hostile_figures(tmp_path_factory.mktemp("hostile"))
    return page(found, sections(found))


def test_the_policy_lets_run_what_is_there_and_load_nothing(hostile: str) -> None:
    read = _Read(hostile)
    (policy,) = [
        value
        for tag, name, value in read.attributes
        if (tag, name) == ("meta", "content") and value.startswith("default-src 'none'; ")
    ]
    rules = {words[0]: words[1:] for words in (rule.split() for rule in policy.split("; "))}
    assert rules.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert rules["script-src"] == [_hash(script) for script in read.inside["script"]]
    assert rules["style-src"] == [_hash(style) for style in read.inside["style"]]
    outside = [one for one in read.attributes if one[1] in ("src", "srcset", "action", "data") or "://" in one[2]]
    assert not outside
    assert not [one for one in read.attributes if one[1] == "style" or one[1].startswith("on")]


def test_hostile_names_stay_texts(hostile: str, tmp_path: Path) -> None:
    found = figures(RunDirectory(handmade(tmp_path)))
    harmless, read = _Read(page(found, sections(found))), _Read(hostile)
    # The hostile run has one filter more, and no element more for its names.
    assert read.elements - harmless.elements == {"tr": 1, "td": 3}
    assert not harmless.elements - read.elements
    assert shown(MODEL) in read.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", hostile)
    hostile.encode()


def test_every_chart_has_its_place_and_its_table(hostile: str) -> None:
    read = _Read(hostile)
    places = {value for tag, name, value in read.attributes if (tag, name) == ("div", "id")}
    charts = read.data["charts"]
    assert isinstance(charts, dict)
    assert charts.keys() == places
    assert len(charts) >= 14, "every kind of chart is drawn of this run"
    figures = hostile.split("<figure>")[1:]
    assert all("<details>" in one and "<table>" in one for one in figures)


def test_the_page_is_small(hostile: str) -> None:
    assert len(hostile.encode()) < 1_300_000


def test_further_sections_bring_their_own(tmp_path: Path) -> None:
    found = figures(RunDirectory(handmade(tmp_path)))
    extra = Section(
        "browse", "Rows", "<p id='here'>…</p>", data={"rows": [{"text": "</script>"}]}, scripts=["let a = 1;"],
        styles=["#here { color: red }"],
    )  # fmt: skip
    read = _Read(page(found, sections(found), [extra]))
    assert read.data["rows"] == [{"text": "</script>"}]
    assert read.inside["script"][-1] == "let a = 1;"
    assert ("a", "href", "#browse") in read.attributes
