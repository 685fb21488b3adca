"""Argilla's own web pages with our search engine behind them, as an annotator uses them: in a browser, with keys."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from prefmill.curation.desks import Batch, Choice, Record
from prefmill.curation.desks.argilla import Argilla
from prefmill.pipelines.embedded_argilla.upkeep import users
from prefmill.pipelines.reviewing.pull import pull
from prefmill.pipelines.reviewing.push import push
from prefmill.pipelines.reviews import collected
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Message

from ..browser import LOOPBACK, Visit, visit
from ..pipelines.reviewing.people import handed
from ..reviewable import TITLES, in_one_line, meant, on_screen, planned_run, shown
from .running import Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FONTS = {
    "https://fonts.googleapis.com/css2?family=Inter:wght@300;400;500;600;700;800&display=swap",
    "https://fonts.googleapis.com/css2?family=Roboto+Condensed&display=swap",
}
"""All that Argilla's pages ask of other hosts; without them they use fonts of this machine."""
WORD = "fridge"
"""In a question, and in what is answered to it."""
ANSWERED = 20
RECORD = '[aria-label="Focus Annotation View"]'
"""Where a record is on the page."""


def hostile(place: str) -> str:
    """What runs a script or asks another host for something, if it is taken for markup."""
    return (
        f"{place} <script>top.ran = 1; fetch('https://script.example/')</script><img src=none onerror='top.ran = 1'> "
        "<img src='https://image.example/'> ![seen](https://markdown.example/) <svg onload='top.ran = 1'></svg> "
        "<iframe srcdoc='<script>top.ran = 1</script>'></iframe> <object data='https://object.example/'></object> "
        "<style>@import 'https://style.example/';</style> [link](javascript:top.ran=1) <b>end</b>"
    )


def signed_in(visited: Visit, running: Running, dataset: str) -> Page:
    """The page of one of ann's data sets, entered by its name."""
    page = visited.page
    (password,) = [user.password for user in users(running.home) if user.name == "ann"]
    page.goto(visited.home)
    page.locator("input[name=Username]").fill("ann")
    page.locator("input[name=Password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(dataset, exact=True).click()
    expect(page.get_by_label("Current Record")).to_have_text("1")
    return page


def records(page: Page) -> Locator:
    """How many records the list holds."""
    return page.get_by_label("Total Records")


def search(page: Page, words: str) -> None:
    field = page.get_by_role("search")
    if not field.is_visible():
        page.locator("[data-title=Search]").click()
    field.fill(words)
    field.press("Enter")


def filter_by_status(page: Page, status: str) -> None:
    choose = page.get_by_label("Filter Records by Status")
    choose.click()
    choose.get_by_role("radio").filter(has_text=status).click()


def option(page: Page, choice: Choice | None) -> Locator:
    return page.get_by_label("Question: choice").get_by_role("button", name=TITLES[choice], exact=True)


def choose(page: Page, choice: Choice | None) -> None:
    """With the key that stands on the option."""
    page.keyboard.press(option(page, choice).inner_text().split()[0])
    expect(option(page, choice).get_by_role("checkbox")).to_be_checked()


def test_an_annotator_reviews_a_run(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGILLA_API_KEY", running.rest().api_key)
    url = f"http://{LOOPBACK}:{running.port}"
    directory = planned_run(tmp_path, 16, desk={"desk": "argilla", "url": url})
    assert push(directory, ["ann", "bob"]).records["ann"] == 24
    own = on_screen(directory, "ann")
    said: dict[str, Choice | None] = {}
    with visit(url) as visited:
        page = signed_in(visited, running, "people for ann")
        expect(records(page)).to_have_text(f"of {len(own)}")
        shown(page, RECORD, own)
        found = {name: some for name, some in own.items() if WORD in re.findall(r"\w+", " ".join(some).lower())}
        assert 0 < len(found) < len(own)
        search(page, WORD)
        expect(records(page)).to_have_text(f"of {len(found)}")
        shown(page, RECORD, found)
        visited.screenshot("argilla-search.png")
        search(page, "")
        expect(records(page)).to_have_text(f"of {len(own)}")

        for number, choice in zip(range(1, ANSWERED + 1), itertools.cycle(TITLES)):
            record = shown(page, RECORD, {name: some for name, some in own.items() if name not in said})
            said[record] = choice
            if number == 1:
                option(page, choice).click()
                page.get_by_label("Question: comment").get_by_role("textbox").locator("p").fill("It is clearer.")
                page.get_by_role("button", name="Submit").click()
            else:
                choose(page, choice)
                page.keyboard.press("Enter")
            expect(page.get_by_role("listitem").filter(has_text="submitted")).to_contain_text(
                re.compile(rf"\b{number}$")
            )

        left = {name: some for name, some in own.items() if name not in said}
        discarded = shown(page, RECORD, left)
        page.get_by_role("button", name="Discard").click()
        shown(page, RECORD, {name: some for name, some in left.items() if name != discarded})
        choose(page, "A")
        visited.screenshot("argilla-record.png")
        page.keyboard.press("Control+s")
        expect(page.get_by_label("Status of Record")).to_have_text("draft")
        filter_by_status(page, "Draft")
        expect(records(page)).to_have_text("of 1")
        filter_by_status(page, "Submitted")
        expect(records(page)).to_have_text(f"of {ANSWERED}")
        shown(page, RECORD, {name: own[name] for name in said})
    assert set(visited.outside) == FONTS
    assert (visited.failed, visited.complaints) == ([], [])

    done = pull(directory)
    assert (done.heard, done.left_out, done.relabelled.reviews) == ({"ann": ANSWERED}, {}, ANSWERED)
    rows = handed(directory)
    reviews = {name: some for name, some in collected(RunDirectory(directory)).items() if some}
    assert {name: some[0].winner for name, some in reviews.items()} == meant(
        (rows[name], choice) for name, choice in said.items()
    )
    assert [some[0].comment for some in reviews.values() if some[0].comment] == ["It is clearer."]


def test_records_are_found_by_metadata_and_likeness_and_their_texts_stay_texts(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGILLA_API_KEY", running.rest().api_key)
    url = f"http://{LOOPBACK}:{running.port}"
    some = [
        Record(
            record_id=f"r{number}",
            annotator="ann",
            messages=(Message(role="user", content=hostile(f"Question {number}.")),),
            a=hostile("One"),
            b=hostile("Other"),
            reference=hostile("Known"),
            metadata={"category": "<b onclick='top.ran = 1'>odd</b>" if number % 2 else "even", "tokens": number},
            vector=(math.cos(number / 10), math.sin(number / 10)),
        )
        for number in range(9)
    ]
    Argilla(url=url).offer(Batch(run="hostile", guidelines="", records=tuple(some)), tmp_path, lambda count: None)
    with visit(url) as visited:
        page = signed_in(visited, running, "hostile for ann")
        expect(records(page)).to_have_text("of 9")
        for _ in range(3):
            page.get_by_label("Next").click()
        expect(page.get_by_label("Current Record")).to_have_text("4")
        question = page.locator(RECORD).get_by_text(re.compile(r"^Question \d\.")).last
        asked = question.inner_text()[: len("Question 0.")]
        text = in_one_line(page.locator(RECORD).inner_text())
        for place in (asked, "One", "Other", "Known"):
            assert f"{place} <script>top.ran = 1; fetch('https://script.example/')</script><img src=none" in text

        page.get_by_role("button", name="Filters").click()
        page.get_by_text("Metadata", exact=True).click()
        page.get_by_text("category", exact=True).click()
        expect(page.get_by_text(re.compile("<\u2060?b onclick='top.ran = 1'>odd"))).to_be_visible()
        page.get_by_text("even", exact=True).click()
        page.keyboard.press("Escape")
        expect(records(page)).to_have_text("of 5")
        expect(question).to_have_text(re.compile(r"^Question [02468]\."))
        number = int(question.inner_text()[len("Question ")])
        page.get_by_role("button", name="Find similar").click()
        expect(records(page)).to_have_text("of 4")
        expect(question).to_have_text(re.compile(rf"^Question ({number - 2}|{number + 2})\."))
        page.wait_for_load_state("networkidle")
        assert [frame.evaluate("top.ran ?? null") for frame in page.frames] == [None] * len(page.frames)
    assert set(visited.outside) == FONTS
    assert (visited.failed, visited.complaints) == ([], [])
