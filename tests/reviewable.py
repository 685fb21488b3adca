"""A small finished run over the shipped example tasks, for people to review in a browser, and what they see there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from prefmill.curation.desks import Choice
from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.reviewing.plan import plan
from prefmill.pipelines.reviewing.store import Handed
from prefmill.pipelines.run import run
from prefmill.schemas.rows import Answer, Comparison, Task, Winner

from .pipelines.reviewing.people import handed, rows, settle, write_recipe

EXAMPLES = Path(__file__).parents[1] / "examples" / "tasks.jsonl"
TITLES: dict[Choice | None, str] = {"A": "A is better", "B": "B is better", "tie": "Tie", None: "Cannot judge"}
"""What an annotator can say -> how a page puts it."""

Texts = tuple[str, str, str]
"""A question, the answer that stands first, and the other, each in one line."""
_SHOWN = """([place, open]) => {
    const text = document.querySelector(place)?.innerText.replaceAll("\\u2060", "").replace(/\\s+/g, " ") ?? "";
    const found = open.find(([name, question, a, b]) =>
        text.includes(question) && text.includes(a) && text.indexOf(b) > text.indexOf(a));
    return found && found[0];
}"""


def planned_run(folder: Path, tasks: int, **review: Any) -> Path:  # noqa: ANN401 - recipe keys
    """The directory of a run with three pairs a task, of all of which one person is to say something."""
    recipe = write_recipe(folder)
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "tasks.jsonl").write_text("".join(lines[:tasks]), encoding="utf-8")
    run(read_recipe(recipe), folder / "run")
    settle(folder / "run", double=0, gold=0, **review)
    plan(folder / "run", sizes={"audit": 3 * tasks, "disagreement": 0, "slices": 0})
    return folder / "run"


def on_screen(directory: Path, annotator: str) -> dict[str, Texts]:
    """Record -> its texts as that annotator is to see them."""
    questions = {task.id: task.messages[-1].content for task in rows(directory, Task)}
    texts = {answer.id: answer.text for answer in rows(directory, Answer)}
    compared = {one.id: one for one in rows(directory, Comparison)}
    found = {}
    for name, row in handed(directory).items():
        if row.annotator == annotator:
            pair = compared[row.comparison_id]
            first, second = (texts[pair.answer_ids[index]] for index in row.shown)
            found[name] = (in_one_line(questions[pair.task_id]), in_one_line(first), in_one_line(second))
    return found


def shown(page: Page, place: str, open_: Mapping[str, Texts]) -> str:
    """The record that is seen at `place`, a CSS selector, as soon as it is one of these."""
    found = page.wait_for_function(_SHOWN, arg=[place, [[name, *texts] for name, texts in open_.items()]])
    return str(found.json_value())


def in_one_line(text: str) -> str:
    """The words; those of a page may stand in other lines."""
    return " ".join(text.replace("\N{WORD JOINER}", "").split())


def meant(said: Iterable[tuple[Handed, Choice | None]]) -> dict[str, Winner | None]:
    """Comparison -> what somebody means who said that of what they were shown."""
    found: dict[str, Winner | None] = {}
    for row, choice in said:
        better = {"A": row.shown[0], "B": row.shown[1]}.get(choice or "")
        found[row.comparison_id] = "tie" if choice == "tie" else None if better is None else ("first", "second")[better]
    return found
