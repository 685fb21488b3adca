"""A judge with criteria of its own: each answer is scored under each criterion, and the total is added up here.

Source: the criteria and their scale are those of the "LLM as a Judge" Space that compares several answers by relevance,
coherence and completeness, each from 1 to 4. That judge is told to reply with the total alone, which nobody can check;
this one has to say each score and why, in a layout that leaves no doubt what belongs where. The prompt is our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from pydantic import Field, field_validator, model_validator

from ...schemas.chat_text import question_text
from ...schemas.errors import Unreadable
from ...schemas.frozen import Frozen
from ...schemas.rows import Answer, Aspect, Message, Task
from . import Reading
from ._layout import Laid
from ._showing import reference_of, text_of

SYSTEM = "You are an impartial judge who scores the responses of AI assistants under given criteria."
_REQUEST = (
    "Score every response under every criterion by itself, whatever the order and the length of the responses. Reply "
    "with one line for each response and criterion and nothing else, first all lines of Response 1, with the criteria "
    "in the order above, then those of the next response. A line has four parts with a | between them: the response, "
    "the criterion, the reason in one sentence, and the score as a whole number of the criterion's range:\n\n"
    "Response NUMBER | CRITERION | REASON | SCORE"
)


class Criterion(Frozen):
    """What an answer is scored for."""

    name: str = Field(min_length=1)
    """As it stands in the prompt, in the reply and in the published rows."""
    least: int = 1
    """Lowest score."""
    most: int = 4
    """Highest score."""
    description: str = ""
    """What is looked at, in a sentence for the teacher."""

    @field_validator("name")
    @classmethod
    def _fits_a_line(cls, name: str) -> str:
        if name != name.strip() or "|" in name or "\n" in name:
            raise ValueError("a name is one line, without | and without blanks around it")
        return name

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.least >= self.most:
            raise ValueError(f"the lowest score must be below the highest (got {self.least} to {self.most})")
        return self


class Criteria(Laid):
    """Any number of answers, scored under named criteria; an answer's score is the total of its criteria."""

    criteria: tuple[Criterion, ...] = Field(
        (
            Criterion(name="Relevance", description="Does it answer what was asked, and keep to it?"),
            Criterion(name="Coherence", description="Is it well ordered, clear and free of contradictions?"),
            Criterion(name="Completeness", description="Does it cover all that was asked for?"),
        ),
        min_length=1,
    )
    """What every answer is scored for, each on its own scale."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len({criterion.name for criterion in self.criteria}) < len(self.criteria):
            raise ValueError("two criteria have the same name")
        return self

    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """A system and a user message; a system prompt and earlier turns are part of the question (`chat_text`).

        Raises `ValueError` without any answer, for one without text, and for a reference that is to be shown and does
        not exist.
        """
        if not answers:
            raise ValueError("there is no answer to score")
        reference = reference_of(task, with_reference)
        blocks = [f"Prompt:\n{question_text(task)}"]
        if reference is not None:
            blocks.append(f"Reference answer:\n{reference}")
        blocks += [f"Response {number}:\n{text_of(answer)}" for number, answer in enumerate(answers, start=1)]
        listed = "".join(f"\n- {_described(criterion)}" for criterion in self.criteria)
        asked = [f"Evaluation Criteria:{listed}", _REQUEST]
        content = "\n\n".join([*asked, *blocks] if self.shared_first else [*blocks, *asked])
        return Message(role="system", content=SYSTEM), Message(role="user", content=content)

    def read(self, reply: str, answers: int) -> Reading:
        """One line for each answer and criterion, in order, and nothing else but empty lines.

        The scores are totals: from the sum of the criteria's lowest to the sum of their highest scores. Raises
        `Unreadable`.
        """
        lines = [line.strip() for line in reply.splitlines() if line.strip()]
        wanted = [(number, criterion) for number in range(1, answers + 1) for criterion in self.criteria]
        if len(lines) != len(wanted):
            raise Unreadable(f"expected {len(wanted)} lines, got {len(lines)}: {_excerpt(reply.strip())}")
        read = [_line(line, number, criterion) for line, (number, criterion) in zip(lines, wanted, strict=True)]
        count = len(self.criteria)
        aspects = []
        for place, criterion in enumerate(self.criteria):
            scores, feedback = zip(*read[place::count], strict=True)
            aspects.append(Aspect(criterion=criterion.name, scores=scores, feedback=feedback))
        totals = tuple(sum(score for score, _ in read[start : start + count]) for start in range(0, len(read), count))
        said = [
            f"Response {number}, {criterion.name}: {reason}"
            for (number, criterion), (_, reason) in zip(wanted, read, strict=True)
        ]
        return Reading(totals, "\n".join(said), tuple(aspects))


def _described(criterion: Criterion) -> str:
    scale = f"{criterion.name} ({criterion.least} to {criterion.most})"
    return f"{scale}: {criterion.description}" if criterion.description else scale


def _line(line: str, number: int, criterion: Criterion) -> tuple[float, str]:
    """Score and reason of a line; the reason may hold further | itself."""
    expected = f"Response {number} | {criterion.name} | REASON | SCORE"
    parts = [part.strip() for part in line.split("|")]
    if len(parts) < 4 or parts[:2] != [f"Response {number}", criterion.name]:
        raise Unreadable(f"expected {expected!r}, got {_excerpt(line)}")
    reason, score = "|".join(line.split("|")[2:-1]).strip(), parts[-1]
    if not reason:
        raise Unreadable(f"expected a reason in {expected!r}, got {_excerpt(line)}")
    if not re.fullmatch("-?[0-9]+", score) or not criterion.least <= int(score) <= criterion.most:
        raise Unreadable(
            f"Response {number}, {criterion.name}: expected a score from {criterion.least} to {criterion.most}, got "
            f"{_excerpt(score)}"
        )
    return float(score), reason


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
