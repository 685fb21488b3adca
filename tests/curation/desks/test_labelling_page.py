"""The page of the desk of files in a browser: keys decide, what is done is kept, and the download comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from prefmill.curation.desks import Batch, Choice, Record
from prefmill.curation.desks.jsonl import Jsonl
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Message
from prefmill.schemas.rubric import Level, Rubric

from ...browser import visit
from ...pipelines.reviewing.people import handed
from ...reviewable import TITLES, meant, on_screen, planned_run, shown

pytestmark = pytest.mark.slow

KEYS: dict[Choice | None, str] = {"A": "1", "B": "2", "tie": "3", None: "0"}
RECORD = "main"
HOSTILE = (
    "<script>top.ran = 1; fetch('https://script.example/')</script><img src=none onerror='top.ran = 1'>"
    "<img src='https://image.example/'><svg onload='top.ran = 1'></svg><link rel=stylesheet href='https://style.example/'>"
)


def progress(page: Page, place: int, done: int) -> None:
    expect(page.get_by_text(f"record {place} of 12, {done} done")).to_be_visible()


def chosen(page: Page, choice: Choice | None) -> None:
    """That this choice, and no other one, is marked."""
    for one, title in TITLES.items():
        marked = str(one == choice).lower()
        expect(page.get_by_role("button", name=title)).to_have_attribute("aria-pressed", marked)


def test_keys_decide_and_the_download_comes_back(tmp_path: Path) -> None:
    directory = planned_run(tmp_path, 4)
    push(directory, ["ann"])
    own = on_screen(directory, "ann")
    said: dict[str, Choice | None] = {}
    path = directory / "review" / "desk" / "ann.html"
    with visit(path.as_uri()) as visited:
        page = visited.page
        page.goto(path.as_uri())
        for number, (choice, key) in enumerate(KEYS.items(), start=1):
            progress(page, number, number - 1)
            said[shown(page, RECORD, {name: some for name, some in own.items() if name not in said})] = choice
            page.keyboard.press(key)
        progress(page, 5, 4)
        page.keyboard.press("ArrowLeft")
        progress(page, 4, 4)
        chosen(page, None)
        page.get_by_label("Comment").fill("No 1 knows.")
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowLeft")
        progress(page, 3, 4)
        chosen(page, "tie")
        visited.screenshot("labelling-page.png")
        said[shown(page, RECORD, own)] = "B"
        page.keyboard.press("2")
        progress(page, 5, 4)
        page.keyboard.press("ArrowRight")
        progress(page, 6, 4)
        page.reload()
        progress(page, 5, 4)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download my labels").click()
        assert download.value.suggested_filename == "people-ann.jsonl"
        download.value.save_as(tmp_path / "people-ann.jsonl")
    assert (visited.outside, visited.failed, visited.complaints) == ([], [], [])

    done = pull(directory, [tmp_path / "people-ann.jsonl"])
    assert (done.heard, done.left_out) == ({"ann": 4}, {})
    rows = handed(directory)
    reviews = {name: review for name, (review,) in collected(RunDirectory(directory)).items()}
    assert {name: review.winner for name, review in reviews.items()} == meant(
        (rows[name], choice) for name, choice in said.items()
    )
    assert [review.comment for review in reviews.values() if review.comment] == ["No 1 knows."]
    assert all(review.seconds is not None and review.seconds < 60 for review in reviews.values())


def test_markup_in_a_record_is_read_and_not_run(tmp_path: Path) -> None:
    one = Record(
        record_id="r1",
        annotator="ann",
        messages=(Message(role="user", content=HOSTILE),),
        a=HOSTILE,
        b=HOSTILE,
        rubric=Rubric(criteria=HOSTILE, levels=(Level(score=1, description=HOSTILE),)),
        reference=HOSTILE,
    )
    Jsonl().offer(Batch(run=HOSTILE, guidelines=HOSTILE, records=(one,)), tmp_path, lambda count: None)
    path = tmp_path / "ann.html"
    with visit(path.as_uri()) as visited:
        visited.page.goto(path.as_uri())
        expect(visited.page.get_by_text("record 1 of 1, 0 done")).to_be_visible()
        assert visited.page.locator("body").inner_text().count(HOSTILE) == 8
        visited.page.wait_for_load_state("networkidle")
        assert visited.page.evaluate("top.ran ?? null") is None
    assert (visited.outside, visited.failed, visited.complaints) == ([], [], [])
