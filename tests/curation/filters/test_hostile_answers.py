"""Filters of one row on long texts of anything: they end soon, and do not fail."""

from __future__ import annotations

import importlib.util

import pytest

from prefmill.curation.filters import AnswerFilter
from prefmill.curation.filters.answer_language import AnswerLanguage
from prefmill.curation.filters.answer_length import AnswerLength
from prefmill.curation.filters.answer_pii import AnswerPii
from prefmill.curation.filters.answer_secrets import AnswerSecrets
from prefmill.curation.filters.identity_leaks import IdentityLeaks
from prefmill.curation.filters.refusals import Refusals
from prefmill.curation.filters.repetition import Repetition
from prefmill.curation.filters.score_leaks import ScoreLeaks
from prefmill.curation.texts.preferences import preference
from prefmill.schemas.rows import Answer, Message, Task

from .hostile import slowest

SIZES = [(50_000, 0.2), pytest.param(1_000_000, 1.0, marks=pytest.mark.slow)]
"""Characters, and seconds of processor time: several times what is seen, and far from what a quadratic one takes."""
ENGLISH = "The sky is blue because the molecules of the air scatter short waves of light much more than long ones. "
GERMAN = "Der Himmel ist blau, weil die Moleküle der Luft kurze Wellen des Lichts viel stärker streuen als lange."
without_py3langid = pytest.mark.skipif(importlib.util.find_spec("py3langid") is None, reason="no py3langid")


@pytest.mark.parametrize(
    "plugin",
    [
        AnswerLength(max_words=10**9),
        AnswerPii(),
        AnswerSecrets(),
        IdentityLeaks(),
        IdentityLeaks(unnamed=True),
        Repetition(top_ngram=0.9),
        ScoreLeaks(),
        pytest.param(AnswerLanguage(), marks=without_py3langid),
    ],
    ids=lambda plugin: plugin.plugin_name(),
)
@pytest.mark.parametrize(("length", "limit"), SIZES)
def test_answers(plugin: AnswerFilter, length: int, limit: float) -> None:
    task = Task(messages=(Message(role="user", content="Why is the sky blue, and not violet?"),))
    seconds, text = slowest(lambda text: plugin.drop(task, Answer(task_id=task.id, model="m", text=text)), length)
    assert seconds < limit, text


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        (Refusals(), "I'm sorry, but I can't help with that."),
        pytest.param(AnswerLanguage(), GERMAN, marks=without_py3langid),
    ],
    ids=lambda of: of.plugin_name() if isinstance(of, AnswerFilter) else "",
)
@pytest.mark.parametrize(("length", "limit"), SIZES)
def test_instructions(plugin: AnswerFilter, text: str, length: int, limit: float) -> None:
    def drop(asked: str) -> str | None:
        message = Message(role="user", content=ENGLISH * 200 + asked)
        return plugin.drop(Task(messages=(message,)), Answer(task_id="t", model="m", text=text))

    assert drop("So why?") is not None, "all of the instruction is asked about such an answer"
    seconds, asked = slowest(drop, length)
    assert seconds < limit, asked


@pytest.mark.parametrize(("length", "limit"), SIZES)
def test_rationales(length: int, limit: float) -> None:
    seconds, text = slowest(preference, length)
    assert seconds < limit, text
