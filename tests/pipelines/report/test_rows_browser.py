"""The row browser in Chromium: what it lists is what the run holds, by keyboard too, and hostile texts stay texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from prefmill.pipelines.report.figures import figures
from prefmill.pipelines.report.page import Section, page
from prefmill.pipelines.report.rows import browser
from prefmill.pipelines.report.sections import sections
from prefmill.pipelines.rundir import RunDirectory
from prefmill.schemas.rows import Answer, Comparison, Loss, Message, Task, Verdict

from ...browser import Visit, visit
from .handmade import handmade
from .unpacked import Entry, entries, faulty_run

pytestmark = pytest.mark.slow

HOSTILE = "</script><img src=x onerror=window.broken=1> \x1b[31mred\x00 \u202eleft ${x} <!-- 😀"
SHOWN = "</script><img src=x onerror=window.broken=1> ␛[31mred␀ [U+202E]left ${x} <!-- 😀"
_SPILLS = "() => document.documentElement.scrollWidth - window.innerWidth"
_LISTED = "() => [...document.querySelectorAll('.rows-title')].map(one => one.textContent)"


def _page(place: RunDirectory, path: Path) -> Section:
    found, section = figures(place), browser(place)
    path.write_text(page(found, sections(found), [section]), encoding="utf-8")
    return section


@pytest.fixture(name="faulty", scope="module")
def _faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Entry]]:
    folder = tmp_path_factory.mktemp("rows")
    path = folder / "report.html"
    return path, entries(_page(RunDirectory(faulty_run(folder)), path))


@pytest.fixture(name="opened")
def _opened(faulty: tuple[Path, list[Entry]]) -> Iterator[Visit]:
    with visit(faulty[0].as_uri()) as opened:
        yield opened
        assert not opened.outside
        assert not opened.failed
        assert not opened.complaints


def _open(opened: Visit, fragment: str = "") -> Page:
    opened.page.goto(opened.home + fragment)
    expect(opened.page.locator("html")).to_have_attribute("data-rows", "listed")
    return opened.page


def _ids(shown: Page) -> list[str]:
    """Opens the rows that are listed one after the other."""
    count = int(shown.locator("#rows-count").get_attribute("data-found") or 0)
    if not count:
        return []
    found = list[str]()
    shown.locator("#rows-list").focus()
    shown.keyboard.press("Home")
    shown.keyboard.press("Enter")
    for number in range(count):
        expect(shown.locator("#rows-place")).to_have_text(f"{number + 1:,} of {count:,}")
        found.append(shown.locator("#rows-dialog").get_attribute("data-row") or "")
        shown.keyboard.press("j")
    shown.keyboard.press("Escape")
    expect(shown.locator("#rows-dialog")).to_be_hidden()
    return found


def test_filters_leave_exactly_the_right_rows(opened: Visit, faulty: tuple[Path, list[Entry]]) -> None:
    shown, rows = _open(opened), faulty[1]
    model = "sim-oak-70b"
    wanted: list[tuple[str, str, Callable[[Entry], bool]]] = [
        ("fate", "kept", lambda row: row.fate[1] == "kept"),
        ("fate", "stage answers", lambda row: row.fate[0] == "answers"),
        ("winner", "tie", lambda row: row.winner == 3),
        ("winner", f"model {model}", lambda row: row.winner in (1, 2) and row.models[row.winner - 1] == model),
        ("model", model, lambda row: model in row.models),
    ]
    for facet, value, test in wanted:
        select = shown.locator(f"#rows-{facet}")
        select.select_option(value)
        right = [row.id for row in rows if test(row)]
        assert 0 < len(right) < len(rows), value
        expect(shown.locator("#rows-count")).to_have_text(f"{len(right)} of {len(rows)} rows")
        assert select.locator("option:checked").inner_text().endswith(f" · {len(right)}")
        assert _ids(shown) == right, value
        shown.locator("#rows-clear").click()
    shown.locator("#rows-fate").select_option("kept")
    shown.locator("#rows-winner").select_option("first")
    right = [row.id for row in rows if row.fate[1] == "kept" and row.winner == 1]
    expect(shown.locator("#rows-count")).to_have_text(f"{len(right)} of {len(rows)} rows")


def test_words_are_found_in_every_text(opened: Visit, faulty: tuple[Path, list[Entry]]) -> None:
    shown, rows = _open(opened), faulty[1]
    row = next(one for one in rows if one.fate[1] == "kept")
    answer = row.task["answers"][row.row["answers"][0]]
    words = answer["text"].split(". ")[0][:60].upper()
    shown.keyboard.press("/")
    expect(shown.locator("#rows-search")).to_be_focused()
    shown.keyboard.type(words)
    expect(shown.locator("#rows-list")).to_have_attribute("data-searched", words.strip())
    right = [
        one.id
        for one in rows
        if any(words.lower() in str(one.task["answers"][n].get("text")).lower() for n in one.row.get("answers", ()))
        or any(loss is one.row and loss["row_id"] == answer["id"] for loss in one.task.get("losses", ()))
    ]
    assert row.id in right
    assert _ids(shown) == right
    shown.locator("#rows-search").fill(row.row["id"])
    expect(shown.locator("#rows-list")).to_have_attribute("data-searched", row.row["id"])
    assert _ids(shown) == [row.id], "a comparison's id finds its label"


def test_a_row_is_opened_by_its_link_and_by_keyboard(opened: Visit, faulty: tuple[Path, list[Entry]]) -> None:
    row = faulty[1][3]
    shown = _open(opened, f"#row={row.id}")
    dialog = shown.locator("#rows-dialog")
    expect(dialog).to_have_attribute("data-row", row.id)
    shown.keyboard.press("k")
    expect(dialog).to_have_attribute("data-row", faulty[1][2].id)
    assert shown.url.endswith(f"#row={faulty[1][2].id}")
    shown.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(shown.locator("#rows-list")).to_be_focused()
    shown.keyboard.press("ArrowDown")
    active = shown.locator("[role=option][aria-selected=true]")
    expect(active).to_have_attribute("aria-posinset", "4")
    assert shown.locator("#rows-list").get_attribute("aria-activedescendant") == active.get_attribute("id")
    shown.keyboard.press("Enter")
    expect(dialog).to_have_attribute("data-row", row.id)
    shown.go_back()
    expect(dialog).to_be_hidden()
    assert shown.evaluate("document.querySelectorAll('[role=option]').length") <= len(faulty[1])


def test_it_is_read_in_both_themes_and_on_a_phone(opened: Visit, faulty: tuple[Path, list[Entry]]) -> None:
    row = next(one for one in faulty[1] if one.fate[1] == "kept")
    papers = set()
    for scheme, width in (("light", 1280), ("dark", 1280), ("dark", 375), ("light", 375)):
        opened.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal type of Playwright's
        opened.page.set_viewport_size({"width": width, "height": 900})
        shown = _open(opened, f"?{scheme}{width}#row={row.id}")
        expect(shown.locator("#rows-dialog")).to_be_visible()
        assert shown.evaluate(_SPILLS) <= 0
        assert (
            shown.evaluate(
                "() => { const b = document.getElementById('rows-body'); return b.scrollWidth - b.clientWidth }"
            )
            <= 0
        )
        papers.add(shown.evaluate("() => getComputedStyle(document.getElementById('rows-dialog')).backgroundColor"))
        answers = shown.locator(".rows-answers").first.locator(".rows-answer")
        boxes = [answers.nth(number).bounding_box() for number in range(2)]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert (boxes[0]["y"] == boxes[1]["y"]) == (width == 1280), "side by side, where there is room"
        opened.screenshot(f"row-{scheme}-{width}.png")
    assert len(papers) == 2


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    place = RunDirectory(handmade(tmp_path))
    task = Task(messages=(Message(role="system", content=HOSTILE), Message(role="user", content=HOSTILE)))
    answers = [Answer(task_id=task.id, model=HOSTILE, text=text) for text in (HOSTILE, "long " * 200_000)]
    pair = Comparison(task_id=task.id, answer_ids=tuple(one.id for one in answers), models=(HOSTILE, HOSTILE))
    verdict = Verdict(
        comparison_id=pair.id, task_id=task.id, protocol="p", judgment_ids=(), winner="tie", margin=0, flags=(HOSTILE,)
    )
    place.write(Task, 2, [task])
    place.write(Answer, 2, answers)
    place.write(Comparison, 2, [pair])
    place.write(Verdict, 2, [verdict])
    lost = {"row_id": verdict.id, "task_id": task.id, "reason": HOSTILE, "detail": HOSTILE}
    place.write(Loss, 2, [Loss(stage="verdicts", status="dropped", **lost)])
    flag = {"row_id": verdict.id, "kind": "example", "by": "x", "detail": "half \ud83d of a character"}
    place.flagged.write_text(json.dumps(flag) + "\n")
    path = tmp_path / "report.html"
    _page(place, path)
    with visit(path.as_uri()) as opened:
        shown = _open(opened, f"#row={verdict.id}")
        body = shown.locator("#rows-body")
        expect(body.locator(".rows-answer .rows-text").first).to_have_text(SHOWN)
        expect(body.locator(".rows-lost .rows-text").first).to_have_text(SHOWN)
        expect(body.locator(".flagged .rows-text")).to_have_text("half \ufffd of a character")
        assert len(body.locator(".rows-answer .rows-text").nth(1).inner_text()) < 30_000
        body.get_by_role("button", name="Show all 1,000,000 characters").click()
        assert len(body.locator(".rows-answer .rows-text").nth(1).inner_text()) > 990_000
        assert SHOWN in shown.evaluate(_LISTED)
        assert shown.evaluate("window.broken") is None
        assert shown.locator("main img, dialog img, main script").count() == 0
        assert not opened.outside
        assert not opened.complaints
