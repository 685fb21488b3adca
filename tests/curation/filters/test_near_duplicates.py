"""The filter of tasks that share most of their phrases: what goes, what stays, and what the reason says."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from prefmill.curation.duplicates.near import jaccard
from prefmill.curation.filters import Filter, Selection
from prefmill.curation.filters.near_duplicates import NearDuplicates
from prefmill.schemas.plugins import load
from prefmill.schemas.rows import Message, Reference, Task
from prefmill.schemas.rubric import Rubric

LONG = "Explain in simple words how a pulsar differs from a quasar, and why one of them was once taken for a signal."
NEAR = LONG.replace("simple", "plain")
NEARER = LONG.replace("signal", "message")
FAR = "Write a haiku about the sea in winter, without the words sea, water and cold in it."


def task(text: str, rubric: str | None = None, reference: str | None = None, system: str | None = None) -> Task:
    before = () if system is None else (Message(role="system", content=system),)
    return Task(
        messages=(*before, Message(role="user", content=text)),
        rubric=None if rubric is None else Rubric(criteria=rubric),
        reference=None if reference is None else Reference(text=reference),
    )


def chosen(tasks: list[Task], **settings: object) -> Selection:
    return NearDuplicates.model_validate(settings).choose(iter(tasks))


def test_it_is_found_by_name_and_refuses_what_it_cannot_do() -> None:
    assert load(Filter, "near_duplicates") is NearDuplicates
    for wrong in ({"threshold": 0}, {"threshold": 1.5}, {"ngram": 0}, {"keep": "best"}, {"compared": "all"}):
        with pytest.raises(ValidationError):
            NearDuplicates.model_validate(wrong)


def test_the_reason_names_the_task_that_stays_and_how_alike_they_are() -> None:
    tasks = [task(FAR), task(LONG), task(NEAR)]
    found = chosen(tasks)
    assert found.dropped == {tasks[2].id: f"Jaccard {jaccard(LONG, NEAR):.3f} with {tasks[1].id}"}
    assert found.told == {"tasks": 3, "dropped": 1, "clusters": 1, "pairs_not_compared": 0}
    assert found.flagged == {}


def test_the_threshold_and_the_words_in_an_ngram_decide() -> None:
    tasks = [task(LONG), task(NEAR)]
    alike = jaccard(LONG, NEAR)
    assert 0.7 < alike < 0.8
    assert chosen(tasks, threshold=alike).dropped
    assert not chosen(tasks, threshold=np.nextafter(alike, 1)).dropped
    assert chosen(tasks, threshold=0.9, ngram=1).dropped


def test_which_one_stays() -> None:
    tasks = [task(NEARER), task(LONG + " Be brief."), task(LONG, reference="So.")]
    for keep, place in (("first", 0), ("longest", 1), ("reference", 2)):
        found = chosen(tasks, keep=keep)
        assert set(found.dropped) == {one.id for one in tasks} - {tasks[place].id}
        assert all(why.endswith(tasks[place].id) for why in found.dropped.values())


def test_a_shared_system_prompt_is_not_compared() -> None:
    prompt = " ".join(f"Rule {number} is to be kept." for number in range(40))
    tasks = [task(LONG, system=prompt), task(FAR, system=prompt), task(NEAR, system="Other rules.")]
    assert list(chosen(tasks).dropped) == [tasks[2].id]


def test_turns_are_compared_or_the_last_message_alone() -> None:
    history = (Message(role="user", content=FAR), Message(role="assistant", content=FAR.upper() + " So be it."))
    tasks = [
        Task(messages=(*history, Message(role="user", content=text))) for text in ("Go on.", "Shorter, please.")
    ] + [task("Go on.")]
    assert list(chosen(tasks).dropped) == [tasks[1].id]
    assert list(chosen(tasks, compared="instruction").dropped) == [tasks[2].id]


def test_another_rubric_makes_another_task() -> None:
    tasks = [task(LONG, "Is it right?"), task(NEAR, "Is it kind?"), task(NEAR), task(NEAR, "Is it right?")]
    assert list(chosen(tasks).dropped) == [tasks[3].id]


def test_no_tasks_and_one_task_twice() -> None:
    assert chosen([]).dropped == {}
    assert chosen([task(LONG), task(LONG)]).dropped == {}
