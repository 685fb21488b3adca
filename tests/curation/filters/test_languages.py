"""Filters of languages: texts that say which one they are in, and texts that do not."""

from __future__ import annotations

import importlib.util

import pytest
from pydantic import ValidationError

from prefmill.curation.filters.answer_language import AnswerLanguage
from prefmill.curation.filters.task_language import TaskLanguage
from prefmill.curation.texts.languages import ALIKE, LANGUAGES
from prefmill.schemas.errors import UserError
from prefmill.schemas.rows import Answer, Message, Task

with_py3langid = pytest.mark.skipif(importlib.util.find_spec("py3langid") is None, reason="no py3langid")


def task(instruction: str, *before: Message) -> Task:
    return Task(messages=(*before, Message(role="user", content=instruction)))


def answer(text: str) -> Answer:
    return Answer(task_id="t", model="m", text=text)


ENGLISH = "The sky is blue because the molecules of the air scatter short waves of light much more than long ones."
GERMAN = "Der Himmel ist blau, weil die Moleküle der Luft kurze Wellen des Lichts viel stärker streuen als lange."
FRENCH = "Le ciel est bleu parce que les molécules de l'air diffusent davantage les ondes courtes de la lumière."
CHINESE = "天空之所以是蓝色的，是因为空气中的分子对短波长光的散射作用远远强于长波长光，所以我们看到蓝色的天空。"
PYTHON = "```python\nfor number in range(10):\n    print(number, number ** 2, number ** 3)\n```"


@with_py3langid
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ENGLISH, None),
        (GERMAN, None),
        (FRENCH, "written in fr, not in en or de"),
        (CHINESE, "written in zh, not in en or de"),
        ("Pourquoi ?", None),
        (PYTHON, None),
        (f"{FRENCH}\ud800\0", "written in fr, not in en or de"),
    ],
)
def test_task_language(text: str, found: str | None) -> None:
    assert TaskLanguage(languages=("en", "de")).drop(task(text)) == found


@with_py3langid
def test_task_language_is_the_users() -> None:
    system, said = Message(role="system", content=GERMAN * 5), Message(role="assistant", content=GERMAN * 5)
    chat = task(ENGLISH, system, Message(role="user", content=ENGLISH), said)
    assert TaskLanguage(languages=("en",)).drop(chat) is None
    assert TaskLanguage(languages=("de",)).drop(chat) == "written in en, not in de"


@with_py3langid
@pytest.mark.parametrize(
    ("instruction", "text", "found"),
    [
        ("Why is the sky blue in the morning?", ENGLISH, None),
        ("Why is the sky blue in the morning?", CHINESE, "written in zh, asked in en"),
        ("Warum ist der Himmel am Morgen so blau?", ENGLISH, "written in en, asked in de"),
        ("Why is the sky blue? Answer in French.", FRENCH, None),
        (f"Translate this: {ENGLISH}", FRENCH, None),
        (f"What does this say, and where is it from?\n{FRENCH}", FRENCH, None),
        ("Why is the sky blue in the morning?", f"Look:\n{PYTHON}", None),
        ("sky?", FRENCH, None),
    ],
)
def test_answer_language(instruction: str, text: str, found: str | None) -> None:
    assert AnswerLanguage().drop(task(instruction), answer(text)) == found


@with_py3langid
def test_languages_that_are_allowed_beside_the_tasks() -> None:
    asked = task("Why is the sky blue in the morning?")
    assert AnswerLanguage(also=("fr",)).drop(asked, answer(FRENCH)) is None
    assert AnswerLanguage(also=("fr",)).drop(asked, answer(GERMAN)) is not None


@with_py3langid
def test_the_languages_are_those_of_the_model() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    labels = set(LanguageIdentifier.from_model_file(MODEL_FILE).labels)
    assert labels - {"zxx"} == LANGUAGES
    assert {*ALIKE, *ALIKE.values()} <= LANGUAGES


def test_languages_that_there_are_not() -> None:
    with pytest.raises(ValidationError, match=r"no such language: english\. Known: ace af am"):
        TaskLanguage(languages=("en", "english"))
    with pytest.raises(ValidationError, match="no such language: xx"):
        AnswerLanguage(also=("xx",))


@pytest.mark.skipif(importlib.util.find_spec("py3langid") is not None, reason="py3langid is there")
def test_without_py3langid() -> None:
    with pytest.raises(UserError, match=r"need the package py3langid\. Next: pip install 'prefmill\[lang\]'"):
        TaskLanguage(languages=("en",)).ready()
