"""Ratings and criteria on the page of the desk of files, in a browser: by keys, taken back again, never needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from prefmill.curation.desks import Asked, Batch, Record
from prefmill.curation.desks.jsonl import Jsonl
from prefmill.schemas.rows import Message

from ...browser import visit

pytestmark = pytest.mark.slow

ASKED = Asked(scale=(1, 5), criteria=("helpful", "constructor"))


def offered(folder: Path, asked: Asked) -> Path:
    records = tuple(
        Record(
            record_id=f"r{number}",
            annotator="ann",
            messages=(Message(role="user", content=f"Question {number}?"),),
            a="yes",
            b="no",
            teacher="B",
            certainty=0.834,
        )
        for number in range(3)
    )
    Jsonl().offer(Batch(run="mine", guidelines="", asked=asked, records=records), folder, lambda count: None)
    return folder / "ann.html"


def at(page: Page, place: int, done: int) -> None:
    expect(page.get_by_text(f"record {place} of 3, {done} done")).to_be_visible()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_questions_are_answered_by_keys_and_need_not_be(tmp_path: Path) -> None:
    path = offered(tmp_path, ASKED)
    with visit(path.as_uri()) as visited:
        page = visited.page
        page.goto(path.as_uri())
        at(page, 1, 0)
        expect(page.get_by_text("B, 83 % certain")).to_be_visible()
        press(page, "r", "Space", "ArrowRight", "ArrowRight")  # A: 3
        press(page, "Tab", "Space", "ArrowRight", "Delete")  # B: taken back
        press(page, "Tab", "Space", "Tab", "ArrowLeft")  # helpful: A; constructor: cannot judge
        at(page, 1, 0)
        press(page, "2")
        at(page, 2, 1)
        press(page, "3")
        at(page, 3, 2)
        press(page, "ArrowLeft", "ArrowLeft")
        at(page, 1, 2)
        page.reload()
        at(page, 3, 2)
        press(page, "ArrowLeft", "ArrowLeft")
        assert page.locator("input:checked").count() == 3
        with page.expect_download() as download:
            page.get_by_role("button", name="Download my labels").click()
        download.value.save_as(tmp_path / "mine-ann.jsonl")
    assert (visited.outside, visited.failed, visited.complaints) == ([], [], [])
    first, second = (said for _, said in Jsonl().collect("mine", [tmp_path / "mine-ann.jsonl"]))
    assert (first.record_id, first.choice, first.ratings) == ("r0", "B", (3, None))
    assert first.criteria == {"helpful": "A", "constructor": None}
    assert (second.choice, second.ratings, second.criteria) == ("tie", (None, None), {})


def test_what_is_no_longer_asked_is_neither_shown_nor_sent(tmp_path: Path) -> None:
    path = offered(tmp_path, ASKED)
    with visit(path.as_uri()) as visited:
        page = visited.page
        page.goto(path.as_uri())
        press(page, "r", "Space", "Tab", "Tab", "Space", "1")  # B is passed over.
        at(page, 2, 1)
        press(page, "ArrowLeft")
        assert page.locator("input:checked").count() == 2
        offered(tmp_path, Asked())
        page.reload()
        at(page, 2, 1)
        press(page, "r", "ArrowLeft")
        assert page.locator("input").count() == 0
        with page.expect_download() as download:
            page.get_by_role("button", name="Download my labels").click()
        text = Path(download.value.path()).read_text()
    assert '"choice":"A"' in text
    assert "ratings" not in text
    assert "criteria" not in text
