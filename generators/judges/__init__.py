"""Judges: what to ask a teacher and how to read the reply. Sans-I/O; the prompt stands beside its parser.

Most compare: they show all answers of a comparison at once. A judge that is `single` is shown one answer at a time and
its replies become Grades. One that asks in several parts (a question for each criterion) overrides `questions` and
`read_all`; all its parts together are one Judgment.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from ...schemas.plugins import Plugin
from ...schemas.rows import Answer, Aspect, Message, Task


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in a reply."""

    scores: tuple[float, ...]
    """One an answer, in the order shown."""
    rationale: str
    """The explanation; of a single answer, the feedback."""
    aspects: tuple[Aspect, ...] = ()
    """The criteria behind the scores, where the judge names any."""


class Judge(Plugin):
    """Base of all judges."""

    kind: ClassVar[str] = "judge"
    single: ClassVar[bool] = False
    """Whether it is shown one answer at a time."""
    most_answers: ClassVar[int | None] = None
    """How many answers it can be shown at once; None: any number."""

    reference: Literal["when_present", "never", "both"] = "when_present"
    """Show the task's reference answer to the teacher: where there is one, never, or ask twice, without and with it."""
    retries: int = Field(2, ge=0)
    """How often a reply that cannot be read is asked for again, each time as a fresh sample."""

    @abstractmethod
    def ask(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[Message, ...]:
        """The messages for the teacher; `answers` in the order in which they are to be shown.

        Raises `Unaskable` where this task cannot be put to it, such as one without the rubric it needs.
        """

    @abstractmethod
    def read(self, reply: str, answers: int) -> Reading:
        """Scores and rationale of a reply about so many answers. Raises `Unreadable`; never guesses a score."""

    def questions(self, task: Task, answers: Sequence[Answer], with_reference: bool) -> tuple[tuple[Message, ...], ...]:
        """The messages of each part; they are asked at the same time. Raises `Unaskable`."""
        return (self.ask(task, answers, with_reference),)

    def read_all(self, replies: Sequence[str], answers: int) -> Reading:
        """The replies to all parts, in their order, as one reading. Raises `Unreadable`."""
        (reply,) = replies
        return self.read(reply, answers)

    def read_for(self, task: Task, replies: Sequence[str], answers: int) -> Reading:
        """`read_all` for a judge whose replies mean something under the task's rubric only. Raises `Unreadable`."""
        return self.read_all(replies, answers)

    def asks_with_reference(self, task: Task) -> tuple[bool, ...]:
        """For each question about a pair of this task: whether the reference is shown. The first one decides."""
        if task.reference is None or self.reference == "never":
            return (False,)
        return (True, False) if self.reference == "both" else (True,)
