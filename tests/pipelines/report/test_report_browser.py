"""The page in a browser: nothing complains or asks, every chart is drawn, in both themes and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from prefmill.pipelines.report.page import page
from prefmill.pipelines.report.sections import sections

from ...browser import Visit, visit
from .hostile import MODEL, TEACHER, hostile_figures

pytestmark = pytest.mark.slow

_MARKS = """() => [...document.querySelectorAll(".chart")].map(place => place.querySelectorAll(
    ".mark-rect path, .mark-symbol path, .mark-rule line, .mark-text text").length)"""
_SPILLS = "() => document.documentElement.scrollWidth - window.innerWidth"
_INK = "() => getComputedStyle(document.querySelector('.chart .role-axis-label text')).fill"
_PAPER = "() => getComputedStyle(document.body).backgroundColor"


@pytest.fixture(name="opened")
def _opened(tmp_path: Path) -> Iterator[Visit]:
    found = hostile_figures(tmp_path)
    path = tmp_path / "report.html"
    path.write_text(page(found, sections(found)), encoding="utf-8")
    with visit(path.as_uri()) as opened:
        yield opened
        assert not opened.outside
        assert not opened.failed
        assert not opened.complaints


def _open(opened: Visit, scheme: str, width: int) -> None:
    opened.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal type of Playwright's
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.page.goto(opened.home)
    expect(opened.page.locator("html")).to_have_attribute("data-drawn", "yes")


def test_every_chart_is_drawn_in_both_themes_and_widths(opened: Visit) -> None:
    seen = set()
    for scheme, width in (("light", 1280), ("dark", 1280), ("dark", 375), ("light", 375)):
        _open(opened, scheme, width)
        marks = opened.page.evaluate(_MARKS)
        assert len(marks) >= 14
        assert all(marks), (scheme, width, marks)
        assert opened.page.evaluate(_SPILLS) <= 0, (scheme, width)
        assert opened.page.evaluate("window.broken") is None
        seen.add((opened.page.evaluate(_INK), opened.page.evaluate(_PAPER)))
        opened.screenshot(f"report-{scheme}-{width}.png")
    assert len(seen) == 2, "a theme of its own for each scheme, charts included"


def test_the_theme_is_chosen_by_keyboard(opened: Visit) -> None:
    _open(opened, "light", 1280)
    light = opened.page.evaluate(_INK)
    for key in ("Tab", "Tab"):
        opened.page.keyboard.press(key)
    button = opened.page.get_by_role("button", name="Switch to dark theme")
    expect(button).to_be_focused()
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate(_INK) != light
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate(_PAPER) == "rgb(255, 255, 255)", "paper is white whatever was chosen"
    expect(button).to_be_hidden()


def test_figures_can_be_read_without_charts_and_names_are_texts(opened: Visit) -> None:
    _open(opened, "light", 375)
    for summary in opened.page.get_by_text("Figures as a table").all():
        summary.press("Enter")
    assert opened.page.locator("details:not([open])").count() == 0
    assert opened.page.evaluate(_SPILLS) <= 0, "wide tables scroll within themselves"
    assert opened.page.get_by_role("cell", name=MODEL, exact=True).count() > 0
    assert opened.page.locator("main img, main script, main b:not(.undefined b)").count() == 0
    table = opened.page.get_by_role("region", name="Calls of each stage and model")
    table.focus()
    expect(table).to_be_focused()
    bar = opened.page.locator(".chart .mark-symbol path").last
    bar.scroll_into_view_if_needed()
    bar.hover(force=True)
    expect(opened.page.locator("#vg-tooltip-element.visible")).to_be_visible()


def test_a_change_of_width_is_followed(opened: Visit) -> None:
    _open(opened, "light", 1280)
    chart = opened.page.locator(".chart svg").first
    box = chart.bounding_box()
    assert box is not None
    opened.page.set_viewport_size({"width": 500, "height": 900})
    expect(chart).not_to_have_attribute("width", str(int(box["width"])))
    assert opened.page.evaluate(_SPILLS) <= 0
    assert TEACHER in opened.page.locator("main").inner_text()
