"""Filters of answers on what nine models really answered: how many each drops, as their descriptions say.

The data lies beside the checkout, where it is at all; it is not part of prefmill.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path

import pytest

from prefmill.curation.filters import AnswerFilter
from prefmill.curation.filters.answer_language import AnswerLanguage
from prefmill.curation.filters.answer_pii import AnswerPii
from prefmill.curation.filters.answer_secrets import AnswerSecrets
from prefmill.curation.filters.identity_leaks import IdentityLeaks
from prefmill.curation.filters.repetition import Repetition
from prefmill.curation.filters.score_leaks import ScoreLeaks
from prefmill.curation.filters.task_language import TaskLanguage
from prefmill.curation.filters.task_pii import TaskPii
from prefmill.curation.filters.task_secrets import TaskSecrets
from prefmill.schemas.rows import Answer, Message, Task

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "alpaca_eval"
pytestmark = [
    pytest.mark.replay,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="no recorded answers beside the checkout"),
]
without_py3langid = pytest.mark.skipif(importlib.util.find_spec("py3langid") is None, reason="no py3langid")


@cache
def tasks() -> dict[str, Task]:
    """By the id that AlpacaEval's file gives."""
    with gzip.open(DATA / "instructions.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {row["id"]: Task(messages=(Message(role="user", content=row["instruction"]),)) for row in rows}


@cache
def answers() -> list[tuple[Task, Answer]]:
    """Every answer with its task."""
    with gzip.open(DATA / "answers.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        (task, Answer(task_id=task.id, model=row["model"], text=row["text"]))
        for row in rows
        for task in [tasks()[row["instruction_id"]]]
    ]


@pytest.mark.parametrize(
    ("plugin", "dropped"),
    [
        pytest.param(AnswerLanguage(), 2, marks=without_py3langid),
        (AnswerPii(), 0),
        (AnswerSecrets(), 0),
        (IdentityLeaks(), 19),
        (IdentityLeaks(unnamed=True), 105),
        (Repetition(), 11),
        (ScoreLeaks(), 0),
    ],
    ids=lambda value: value.plugin_name() if isinstance(value, AnswerFilter) else str(value),
)
def test_answers_dropped(plugin: AnswerFilter, dropped: int) -> None:
    found = [why for task, answer in answers() if (why := plugin.drop(task, answer)) is not None]
    assert len(found) == dropped, found


def test_tasks_dropped() -> None:
    found = [why for task in tasks().values() if (why := TaskPii().drop(task)) is not None]
    assert found == ["telephone number: 12 characters from character 139"]
    assert not [task for task in tasks().values() if TaskSecrets().drop(task) is not None]


@without_py3langid
def test_no_english_task_is_taken_for_another_language() -> None:
    assert not [task for task in tasks().values() if TaskLanguage(languages=("en",)).drop(task) is not None]
