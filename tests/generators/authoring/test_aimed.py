"""Answers that aim at a score: what the prompt says of score and length, and what cannot be aimed at."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from prefmill.generators.authoring.aimed import Aim, aim
from prefmill.schemas.errors import Unaskable
from prefmill.schemas.rows import Answer, Message, Reference, Task
from prefmill.schemas.rubric import Level, Rubric

LEVELS = tuple(Level(score=score, description=f"level {score}") for score in range(1, 6))
RUBRIC = Rubric(criteria="Is it right?", levels=LEVELS)


def _task(rubric: Rubric | None = RUBRIC, reference: str | None = "one two three") -> Task:
    return Task(
        messages=(Message(role="user", content="Why?"),),
        rubric=rubric,
        reference=None if reference is None else Reference(text=reference),
    )


@pytest.mark.parametrize(
    ("settings", "reference", "said"),
    [
        (Aim(words=80), "one two three", "Length: about 80 words"),
        (Aim(sentences=6), "one two three", "Length: about 6 sentences"),
        (Aim(), "one two three", "Length: about 3 words"),
        (Aim(), None, "Length: what the request calls for"),
    ],
)
def test_the_length_is_the_same_for_every_score(settings: Aim, reference: str | None, said: str) -> None:
    for score in settings.scores:
        (message,) = settings.messages(_task(reference=reference), score)
        assert f"\nTarget score: {score} of 1 to 5\n{said}\n" in message.content


def test_scores_differ_in_the_target_alone_and_the_reference_is_not_shown() -> None:
    (low,), (high,) = aim(_task(), 1, 50), aim(_task(), 5, 50)
    shown = low.content.replace("Target score: 1", "Target score: 5").replace("of score 1 says", "of score 5 says")
    assert shown == high.content
    assert "one two three" not in high.content


@pytest.mark.parametrize(
    ("rubric", "score", "why"),
    [
        (None, 3, "a task without a rubric"),
        (RUBRIC, 6, r"what score 6 means \(scores described: 1, 2, 3, 4, 5\)"),
        (Rubric(criteria="Is it right?"), 3, r"scores described: none"),
    ],
)
def test_what_cannot_be_aimed_at(rubric: Rubric | None, score: int, why: str) -> None:
    with pytest.raises(Unaskable, match=why):
        aim(_task(rubric), score)


@pytest.mark.parametrize(
    "fields", [{"scores": ()}, {"scores": (1, 1)}, {"words": 0}, {"words": 5, "sentences": 1}, {"length": 5}]
)
def test_settings_that_make_no_sense(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Aim.model_validate(fields)


def test_an_answer_that_aims_at_nothing_keeps_its_id() -> None:
    plain = Answer(task_id="t", model="m", text="Rayleigh scattering.")
    aimed = [Answer(task_id="t", model="m", text="Rayleigh scattering.", intended=score) for score in (1, 2)]
    assert plain.id == "e88205afd0d2dfd7"
    assert len({plain.id, *(answer.id for answer in aimed)}) == 3
    assert Answer.parse(aimed[0].record()) == aimed[0]
